"""Sums in two bytes a number, without losing what is small.

Rounding to nearest stops a growing sum: from 2,048 on, float16 does not notice an added 1. Rounded up or down at
random, in proportion to the distance, the sum stays right on average (Croci et al.: Stochastic rounding,
Royal Society Open Science 2022). The randomness is a hash of a seed, so that a replay gives the same bytes.
"""

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ROWS = 256


def uniform(seeds: NDArray[np.uint64], columns: int) -> NDArray[np.float64]:
    """Numbers in [0, 1), shape (len(seeds), columns): splitmix64 (Steele et al., OOPSLA 2014) of seed, column."""
    x = seeds[:, None] + _GOLDEN * np.arange(1, columns + 1, dtype=np.uint64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    drawn: NDArray[np.float64] = (x >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return drawn


def scale_of(weight: NDArray[np.float32]) -> NDArray[np.float64]:
    """A power of two at or above each weight, for sums of at most `weight` vectors of unit length; 1 for weight 0."""
    exponent = np.frexp(weight.astype(np.float64))[1]
    return np.where(weight > 0, np.exp2(exponent), 1.0)


def to_half(values: NDArray[np.float64], scale: NDArray[np.float64], seeds: NDArray[np.uint64]) -> NDArray[np.float16]:
    """`values / scale` as float16, rounded stochastically.

    Args:
        values: Shape (n, d).
        scale: Shape (n,), see `scale_of`; dividing by a power of two loses nothing.
        seeds: Shape (n,); the same seed and values give the same bytes.
    """
    halves = np.empty(values.shape, np.float16)
    for start in range(0, len(values), _ROWS):  # some at a time: they stay in a core's cache, and a batch is large
        rows = slice(start, start + _ROWS)
        halves[rows] = _to_half(values[rows], scale[rows], seeds[rows])
    return halves


def _to_half(values: NDArray[np.float64], scale: NDArray[np.float64], seeds: NDArray[np.uint64]) -> NDArray[np.float64]:
    scaled = values / scale[:, None]
    # In whole steps of float16's grid: 11 bits from the leading one on, never finer than its smallest number. The
    # exponent is read from the bits of the float64, which is several times as fast as `frexp`.
    exponent = ((scaled.view(np.int64) >> 52) & 0x7FF) - 1022
    step = np.maximum(exponent - 11, -24)
    places = scaled * _power_of_two(-step)
    low = np.floor(places)
    low += uniform(seeds, values.shape[1]) < places - low
    low *= _power_of_two(step)
    return np.copysign(low, scaled)  # -0 is not 0 in bytes


def _power_of_two(exponent: NDArray[np.int64]) -> NDArray[np.float64]:
    return ((exponent + 1023) << 52).view(np.float64)


def from_half(values: NDArray[np.float16], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Back to float64, shapes as in `to_half`."""
    restored: NDArray[np.float64] = values.astype(np.float64) * scale[:, None]
    return restored
