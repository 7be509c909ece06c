"""A window in numbers: everything that the statistics need of it. Sums add, subtract, and come in many at once."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Of one window (shape () and (codes,)) or of w windows (shape (w,) and (w, codes)).

    Attributes:
        texts: How many.
        novelty: Sum of novelty beyond what is usual for each text's code.
        novel: Texts that are more novel than 95 % of the reference.
        unsure: Texts about which the heads are less sure than about 95 % of the reference.
        codes: Texts by code.
    """

    texts: Floats
    novelty: Floats
    novel: Floats
    unsure: Floats
    codes: Floats

    @classmethod
    def of_matrix(cls, matrix: Floats) -> Self:
        """From rows of texts, novelty, novel, unsure and codes, shape (..., 4 + codes)."""
        return cls(matrix[..., 0], matrix[..., 1], matrix[..., 2], matrix[..., 3], matrix[..., 4:])

    def matrix(self) -> Floats:
        """What `of_matrix` takes."""
        four = np.stack([self.texts, self.novelty, self.novel, self.unsure], axis=-1)
        return np.concatenate([four, self.codes], axis=-1)

    def __add__(self, other: "Sums") -> "Sums":
        return Sums.of_matrix(self.matrix() + other.matrix())

    def __sub__(self, other: "Sums") -> "Sums":
        return Sums.of_matrix(self.matrix() - other.matrix())
