"""The constants that every profile of a deployment shares."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...schemas.events import EVENT_TYPES

DAY_MS = 86_400_000.0
HOURS = 24
TYPES = len(EVENT_TYPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a profile remembers, and for how long.

    Attributes:
        half_lives: Short and long half-life in ms. The last one also rules vectors, hours and evidence.
        dimensions: Length of a stored vector (the codebook projects embeddings down to it).
        codes: At most so many interests as vectors a profile; the weakest go first.
        evidence: At most so many events kept as evidence, and `evidence_per_label` for one label.
        recent: So many of the last event ids are remembered, to recognise an id that is sent twice.
    """

    half_lives: tuple[float, ...] = (DAY_MS, 30 * DAY_MS)
    dimensions: int = 192
    codes: int = 6
    evidence: int = 6
    evidence_per_label: int = 2
    recent: int = 16

    def __post_init__(self) -> None:
        if not self.half_lives or any(not 0 < half_life < float("inf") for half_life in self.half_lives):
            raise ValueError(f"half-lives must be positive and finite, got {self.half_lives}")

    @property
    def half_life_array(self) -> NDArray[np.float64]:
        """The half-lives in ms, shape (half-lives,)."""
        return np.asarray(self.half_lives, dtype=np.float64)
