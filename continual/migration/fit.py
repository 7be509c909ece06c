"""The map between two encoders' spaces: ridge regression that is drawn towards the identity.

    minimise |X W - Y|^2 + penalty |W - I|^2,  so  W = (X'X + penalty I)^-1 (X'Y + penalty I)

X and Y are the same anchor texts in both spaces. It is drawn towards the identity rather than towards zero (ridge
regression, Hoerl and Kennard 1970, with a prior mean), as a fine-tune moves an encoder's space a little. An orthogonal
map (Procrustes) is the wrong tool: fine-tunes contract what belongs together, they do not rotate. A matrix inverse is
the wrong way back, as it would blow up what was contracted: fit a map the other way.

What the matrix leaves over is not noise: a fine-tune moves topics apart that were close. So each code of the codebook
has a step of its own: the mean of what is left over of its n anchors, times n / (n + pull) (shrinkage towards zero:
James and Stein 1961).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...inference.spaces import SpaceMap
from ...schemas.errors import ArtefactError
from .recovery import Vectors, mean_cosine, neighbours_kept

ANCHORS = 2_000  # enough for 384 dimensions: more gain next to nothing
FEWEST = 20
_PENALTIES = tuple(float(penalty) for penalty in np.logspace(-3, 3, 13))
_PULLS = (1.0, 3.0, 10.0, 30.0, np.inf)  # anchors; the last one: no steps
_HELD_OUT = 0.2


def choose_anchors(texts: Sequence[str], most: int = ANCHORS, seed: int = 0) -> list[str]:
    """At most so many distinct texts, drawn evenly; the same texts and seed give the same anchors."""
    distinct = list(dict.fromkeys(text for text in texts if text.strip()))
    rng = np.random.default_rng(seed)
    return [distinct[row] for row in sorted(rng.permutation(len(distinct))[:most])]


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """Which codes the anchors have.

    Attributes:
        codes: Of each anchor, shape (n,).
        count: How many the codebook has.
    """

    codes: NDArray[np.integer]
    count: int

    def of(self, rows: NDArray[np.intp]) -> "Coded":
        """Of some of the anchors."""
        return Coded(self.codes[rows], self.count)


def fit_map(
    before: Vectors, after: Vectors, *, source: str, target: str, coded: Coded | None = None, seed: int = 0
) -> SpaceMap:
    """The map that carries `before` to `after`.

    Penalty and pull are those with the highest mean cosine on a fifth of the anchors that is held out; the figures are
    measured on these, the map that is returned is fitted on all.

    Args:
        before: The anchors in the source's space, shape (n, r).
        after: The same texts, row by row, in the target's space, shape (n, r).
        source: Name of the encoder that profiles come from.
        target: Name of the encoder that they go to.
        coded: The anchors' codes in the source's space; without them the map has no steps.
        seed: Of the split.

    Returns:
        The map, with `cosine` and `kept` (neighbours, see `recovery`) after mapping, `cosine_unmapped` and
        `kept_unmapped` without.

    Raises:
        ArtefactError: Too few anchors, different shapes, or numbers that are not finite.
    """
    x, y = (np.asarray(vectors, dtype=np.float64) for vectors in (before, after))
    _check(x, y)
    order = np.random.default_rng(seed).permutation(len(x))
    held, rest = np.split(order, [max(int(_HELD_OUT * len(x)), 2)])
    fits = {penalty: ridge_to_identity(x[rest], y[rest], penalty) for penalty in _PENALTIES}
    penalty = max(_PENALTIES, key=lambda value: mean_cosine(x[held] @ fits[value], y[held]))
    mapped, pull = x[held] @ fits[penalty], np.inf
    if coded:
        left = y[rest] - x[rest] @ fits[penalty]
        tried = {value: mapped + steps_of(left, coded.of(rest), value)[coded.codes[held]] for value in _PULLS}
        pull = max(_PULLS, key=lambda value: mean_cosine(tried[value], y[held]))
        mapped = tried[pull]
    matrix = ridge_to_identity(x, y, penalty)
    steps = steps_of(y - x @ matrix, coded, pull) if coded else np.zeros((0, 0))
    return SpaceMap(
        source=source,
        target=target,
        matrix=matrix.astype(np.float32),
        steps=steps.astype(np.float32),
        penalty=penalty,
        anchors=len(x),
        figures={
            "cosine": mean_cosine(mapped, y[held]),
            "kept": neighbours_kept(mapped, y[held]),
            "cosine_unmapped": mean_cosine(x[held], y[held]),
            "kept_unmapped": neighbours_kept(x[held], y[held]),
        },
    )


def steps_of(left: Vectors, coded: Coded, pull: float) -> NDArray[np.float64]:
    """The step of each code, shape (codes, r); zeros for a code without anchors.

    Args:
        left: What the matrix left over of each anchor, shape (n, r).
        coded: The anchors' codes.
        pull: So many anchors that lie exactly where the matrix puts them are added to each code.
    """
    sums = np.zeros((coded.count, left.shape[1]))
    np.add.at(sums, coded.codes, left)
    counts = np.bincount(coded.codes, minlength=coded.count)
    return sums / (counts + pull)[:, None]


def ridge_to_identity(x: Vectors, y: Vectors, penalty: float) -> NDArray[np.float64]:
    """The matrix W of this module's docstring, shape (r, r).

    Args:
        x: Shape (n, r).
        y: Shape (n, r).
        penalty: Relative to the mean eigenvalue of X'X, so that it means the same for any number of anchors.
    """
    moments = x.T @ x
    pull = penalty * float(np.trace(moments)) / len(moments) * np.eye(len(moments))
    return np.asarray(np.linalg.solve(moments + pull, x.T @ y + pull), dtype=np.float64)


def _check(x: Vectors, y: Vectors) -> None:
    if x.shape != y.shape:
        raise ArtefactError(f"anchors of shape {x.shape} and {y.shape}: a map needs the same texts and as many columns")
    if len(x) < FEWEST:
        raise ArtefactError(f"a map between encoders needs at least {FEWEST} anchor texts, found {len(x)}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ArtefactError("an encoder gives numbers that are not finite: no map is fitted to them")
