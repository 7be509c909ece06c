"""What was measured of champion and candidate: all that the checks need, as plain arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """One of the two models, with its heads, on n held-out texts.

    Attributes:
        name: The encoder's.
        embeddings: As it is served, shape (n, d).
        probabilities: Of its heads, shape (n, labels); rows need not sum to 1.
        retrieval: R-precision of its profiles by several interests, shape (users,); the users are the same for both.
        seconds: For the same batch of texts, several times.
    """

    name: str
    embeddings: Floats
    probabilities: Floats
    retrieval: Floats = field(default_factory=lambda: np.zeros(0))
    seconds: Sequence[float] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Both sides, and what they are judged by.

    Attributes:
        champion: With the better of the closed-form heads, re-fitted to the feedback that the candidate learned from.
        candidate: With its re-fitted heads.
        folder: Of the candidate in the model repository.
        labels: The right answers, columns of `probabilities`, shape (n,).
        names: Of the labels.
        new: Labels that were unknown at the last update, shape (labels,).
        reference: Embeddings of some held-out texts by torch, shape (m, d).
        exported: The same by the exported model.
        kept: Share of the retrieval of re-embedding that migrated profiles keep: `several`, `one`.
    """

    champion: Side
    candidate: Side
    folder: Path
    labels: NDArray[np.integer]
    names: Sequence[str]
    new: NDArray[np.bool_]
    reference: Floats
    exported: Floats
    kept: Mapping[str, float]

    @property
    def gains(self) -> NDArray[np.float64]:
        """For each text 1 where only the candidate is right, -1 where only the champion is, else 0."""
        ours, theirs = (side.probabilities.argmax(axis=1) == self.labels for side in (self.candidate, self.champion))
        gains: NDArray[np.float64] = ours.astype(np.float64) - theirs.astype(np.float64)
        return gains

    def accuracy(self, side: Side) -> float:
        """Share of the texts that a side answers rightly."""
        return float((side.probabilities.argmax(axis=1) == self.labels).mean())
