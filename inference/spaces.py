"""From one encoder's space into another's: a matrix, so it carries sums as exactly as it carries what was summed.

Fitted by `continual/migration`; here is what workers need to apply it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..schemas.errors import ArtefactError
from .artefacts import need, need_value, pack, unpack

_KIND = "space map"

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpaceMap:
    """Carries row vectors of one encoder into the space of another: `vectors @ matrix`.

    Attributes:
        source, target: Names of the encoders.
        matrix: Shape (r, r), float32.
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

    def to_bytes(self) -> bytes:
        """Safetensors with the metadata; the same map gives the same bytes."""
        metadata = {
            "source": self.source,
            "target": self.target,
            "penalty": self.penalty,
            "anchors": self.anchors,
            "figures": dict(self.figures),
        }
        return pack(_KIND, {"matrix": self.matrix}, metadata)

    @classmethod
    def from_bytes(cls, data: bytes, *, sha256: str | None = None) -> "SpaceMap":
        """Read what `to_bytes` wrote, compared with `sha256` (hexadecimal) where it is known.

        Raises:
            ArtefactError: Truncated, altered, not square, or with numbers that are not finite.
        """
        tensors, metadata = unpack(_KIND, data, sha256=sha256)
        size = len(need(_KIND, tensors, "matrix", (-1, -1)))
        return cls(
            source=need_value(_KIND, metadata, "source", str),
            target=need_value(_KIND, metadata, "target", str),
            matrix=need(_KIND, tensors, "matrix", (size, size)),
            penalty=float(need_value(_KIND, metadata, "penalty", float)),
            anchors=need_value(_KIND, metadata, "anchors", int),
            figures=need_value(_KIND, metadata, "figures", dict),
        )


def ways_to(target: str, maps: Iterable[SpaceMap]) -> dict[str, Matrix]:
    """One matrix for each encoder from which the maps lead to `target`, along the fewest of them.

    Args:
        target: An encoder's name.
        maps: All that are known, in any order.

    Returns:
        By the name of the source, matrices of float64; without `target` itself.

    Raises:
        ArtefactError: Two maps that follow one another are of different sizes.
    """
    known = sorted(maps, key=lambda item: (item.source, item.target))
    found: dict[str, Matrix] = {}
    reached = [target]
    for there in reached:  # breadth first: it grows while we look
        for step in known:
            if step.target == there and step.source not in reached:
                found[step.source] = _chain(step, found.get(there))
                reached.append(step.source)
    return found


def _chain(step: SpaceMap, rest: Matrix | None) -> Matrix:
    first = step.matrix.astype(np.float64)
    if rest is None:
        return first
    if first.shape[1] != len(rest):
        raise ArtefactError(
            f"the map from {step.source} to {step.target} is of size {len(first)}, the next one of {len(rest)}"
        )
    chained: Matrix = first @ rest
    return chained
