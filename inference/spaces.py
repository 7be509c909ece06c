"""From one encoder's space into another's: linear, so it carries sums as exactly as it carries what was summed.

A text x of code c goes to `x W + b_c`: one matrix for all, and a small step for each code, as a fine-tune moves some
topics further than others. A sum s of texts of one code that weigh n goes to `s W + n b_c`, exactly. Fitted by
`continual/migration`; here is what workers need to apply it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..schemas.errors import ArtefactError
from .artefacts import need, need_value, pack, unpack

_KIND = "space map"

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpaceMap:
    """What was fitted to carry vectors of one encoder into the space of another.

    Attributes:
        source, target: Names of the encoders.
        matrix: Shape (r, r), float32.
        steps: Of each code, shape (codes, r), float32; without rows: none.
        penalty: Of the ridge regression, relative to the mean eigenvalue of the anchors' moments.
        anchors: How many texts it was fitted on.
        figures: What was measured on anchors that were held out, e.g. `cosine` and `kept`.
    """

    source: str
    target: str
    matrix: NDArray[np.float32]
    penalty: float
    anchors: int
    figures: Mapping[str, float] = field(default_factory=dict)
    steps: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    def to_bytes(self) -> bytes:
        """Safetensors with the metadata; the same map gives the same bytes."""
        metadata = {
            "source": self.source,
            "target": self.target,
            "penalty": self.penalty,
            "anchors": self.anchors,
            "figures": dict(self.figures),
        }
        return pack(_KIND, {"matrix": self.matrix, "steps": self.steps}, metadata)

    @classmethod
    def from_bytes(cls, data: bytes, *, sha256: str | None = None) -> "SpaceMap":
        """Read what `to_bytes` wrote, compared with `sha256` (hexadecimal) where it is known.

        Raises:
            ArtefactError: Truncated, altered, not square, or with numbers that are not finite.
        """
        tensors, metadata = unpack(_KIND, data, sha256=sha256)
        size = len(need(_KIND, tensors, "matrix", (-1, -1)))
        steps = need(_KIND, tensors, "steps", (-1, -1))
        return cls(
            source=need_value(_KIND, metadata, "source", str),
            target=need_value(_KIND, metadata, "target", str),
            matrix=need(_KIND, tensors, "matrix", (size, size)),
            penalty=float(need_value(_KIND, metadata, "penalty", float)),
            anchors=need_value(_KIND, metadata, "anchors", int),
            figures=need_value(_KIND, metadata, "figures", dict),
            steps=need(_KIND, tensors, "steps", (-1, size)) if len(steps) else steps,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """Carries sums of vectors, over one map or over several.

    Attributes:
        matrix: Shape (r, r).
        steps: Shape (codes, r), or without rows.
    """

    matrix: Floats
    steps: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def carry(self, sums: Floats) -> Floats:
        """Sums of texts of whatever codes, shape (n, r): by the matrix alone."""
        carried: Floats = sums @ self.matrix
        return carried

    def carry_codes(self, sums: Floats, weights: Floats, codes: NDArray[np.int64]) -> Floats:
        """Sums of texts of one code each.

        Args:
            sums: Shape (n, r).
            weights: How many texts are in each, decayed as the sum is, shape (n,).
            codes: Of each sum, shape (n,).
        """
        carried = self.carry(sums)
        return carried + weights[:, None] * self.steps[codes] if len(self.steps) else carried

    def then(self, after: "Way") -> "Way":
        """This way, and then another one of the same size."""
        steps = self.steps @ after.matrix if len(self.steps) else after.steps
        if len(self.steps) and len(after.steps):
            steps = steps + after.steps
        return Way(self.matrix @ after.matrix, steps)


def way_of(step: SpaceMap) -> Way:
    """The way over a single map."""
    return Way(step.matrix.astype(np.float64), step.steps.astype(np.float64))


def ways_to(target: str, maps: Iterable[SpaceMap]) -> dict[str, Way]:
    """One way for each encoder from which the maps lead to `target`, along the fewest of them.

    Args:
        target: An encoder's name.
        maps: All that are known, in any order.

    Returns:
        By the name of the source; without `target` itself.

    Raises:
        ArtefactError: Two maps that follow one another are of different sizes.
    """
    known = sorted(maps, key=lambda item: (item.source, item.target))
    found: dict[str, Way] = {}
    reached = [target]
    for there in reached:  # breadth first: it grows while we look
        for step in known:
            if step.target == there and step.source not in reached:
                found[step.source] = _chain(step, found.get(there))
                reached.append(step.source)
    return found


def _chain(step: SpaceMap, rest: Way | None) -> Way:
    first = way_of(step)
    if rest is None:
        return first
    if first.matrix.shape[1] != len(rest.matrix) or len({len(first.steps), len(rest.steps)} - {0}) > 1:
        raise ArtefactError(
            f"the map from {step.source} to {step.target} is of size {_size(first)}, the next one of {_size(rest)}"
        )
    return first.then(rest)


def _size(way: Way) -> str:
    return f"{len(way.matrix)} with {len(way.steps)} codes"
