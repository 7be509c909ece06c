"""What an accuracy matrix says (Lopez-Paz and Ranzato, NeurIPS 2017; Chaudhry et al., ECCV 2018)."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

Matrix = Sequence[Sequence[float]]
"""Row i, column j: accuracy on task j after task i, for j <= i. Joint training has only the last row."""


def final_accuracy(matrix: Matrix) -> float:
    """A_T: the mean over all tasks after the last one."""
    return fmean(matrix[-1])


def forgetting(matrix: Matrix) -> float:
    """F: how far each task fell from its best, on average over all but the last; 0 where it cannot be told."""
    last = len(matrix) - 1
    falls = [max(row[task] for row in matrix[task:last]) - matrix[last][task] for task in range(last)]
    return fmean(falls) if falls else 0.0


def learning_accuracy(matrix: Matrix) -> float:
    """The mean accuracy on each task right after it was learned."""
    if len(matrix) == 1:
        return final_accuracy(matrix)
    return fmean(row[task] for task, row in enumerate(matrix))


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over seeds.

    Attributes:
        mean: Over seeds.
        spread: Standard deviation between seeds; 0 for one seed.
    """

    mean: float
    spread: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Figure":
        """Of one value a seed, at least one."""
        return cls(fmean(values), stdev(values) if len(values) > 1 else 0.0)
