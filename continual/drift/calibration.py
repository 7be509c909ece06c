"""How far is too far: for windows of this size, against a reference of this size.

Two neighbouring windows are drawn from the reference again and again, and compared with the rest of it: whatever the
statistics say then is chance. Blocks of consecutive texts are drawn rather than texts, because neighbours resemble each
other (Künsch, Annals of Statistics 1989). An alarm needs the same statistic above its threshold in both windows, so
that is what is counted, over all statistics at once: the rate that is chosen is that of any alarm at a check, not of
each statistic's.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .reference import Reference
from .statistics import STATISTICS, Statistic
from .sums import Floats, Sums

_DRAWS_AT_ONCE = 100


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """Of s statistics.

    Attributes:
        usual, spread: Mean and standard deviation where nothing changed, shape (s,).
        limit: So many standard deviations are too many.
    """

    usual: Floats
    spread: Floats
    limit: float

    def scores(self, values: Floats) -> Floats:
        """Values of the statistics, shape (..., s), in units of their thresholds: above 1 is too far."""
        return (values - self.usual) / (self.spread * self.limit)

    def array(self) -> Floats:
        """All of it, shape (2, s + 1)."""
        return np.stack([np.append(self.usual, self.limit), np.append(self.spread, self.limit)])

    @classmethod
    def of_array(cls, array: Floats) -> Self:
        """From what `array` gave."""
        return cls(array[0, :-1], array[1, :-1], float(array[0, -1]))


def calibrate(
    reference: Reference,
    *,
    window: int,
    step: int,
    level: float,
    draws: int = 4000,
    seed: int = 0,
    statistics: Sequence[Statistic] = STATISTICS,
    rest: float = 0.0,
) -> Thresholds:
    """Thresholds with a chosen rate of false alarms.

    Args:
        reference: What was usual; at least twice as long as a window and a step.
        window: Its length in blocks.
        step: From one window to the next, in blocks.
        level: Rate of false alarms at a check.
        draws: How often to draw; some ten times 1 / level.
        seed: The same seed gives the same thresholds.
        statistics: Which.
        rest: Seconds that the processor is left to others after every hundred draws, which take some milliseconds.
    """
    blocks, generator, parts = reference.blocks, np.random.default_rng(seed), []
    # A part of the draws at a time: all of them together take tens of megabytes, and longer.
    for begin in range(0, draws, _DRAWS_AT_ONCE):
        shape = (min(_DRAWS_AT_ONCE, draws - begin), len(blocks))
        order = np.argsort(generator.random(shape), axis=1)[:, : window + step]
        parts.append(_pairs(order, blocks, window, step, statistics))
        time.sleep(rest)
    pairs = np.concatenate(parts, axis=1)
    usual, spread = pairs.mean(axis=(0, 1)), np.maximum(pairs.std(axis=(0, 1)), 1e-9)
    both = ((pairs - usual) / spread).min(axis=0)
    return Thresholds(usual, spread, float(np.quantile(both.max(axis=1), 1 - level)))


def _pairs(order: NDArray[np.intp], blocks: Floats, window: int, step: int, statistics: Sequence[Statistic]) -> Floats:
    """Values of two windows in a row for each of n draws, shape (2, n, s)."""
    first, second = _picked(order[:, :window], blocks), _picked(order[:, step:], blocks)
    rest = Sums.of_matrix(blocks.sum(axis=0) - _picked(order, blocks).matrix())
    return np.stack([evaluate(sums, rest, statistics) for sums in (first, second)])


def evaluate(window: Sums, reference: Sums, statistics: Sequence[Statistic] = STATISTICS) -> Floats:
    """Values of the statistics, shape (s,), or (w, s) of w windows."""
    return np.stack([statistic.get(window, reference) for statistic in statistics], axis=-1)


def _picked(order: NDArray[np.intp], blocks: Floats) -> Sums:
    """Sums of the blocks that each draw picked."""
    chosen = np.zeros((len(order), len(blocks)))
    np.put_along_axis(chosen, order, 1.0, axis=1)
    return Sums.of_matrix(chosen @ blocks)
