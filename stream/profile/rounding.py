"""Sums in two bytes a number, without losing what is small.

Rounding to nearest stops a growing sum: from 2,048 on, float16 does not notice an added 1. Rounded up or down at
random, in proportion to the distance, the sum stays right on average (Croci et al.: Stochastic rounding,
Royal Society Open Science 2022). The randomness is a hash of a seed, so that a replay gives the same bytes.
"""

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ROWS = 64

# float32 has 23 bits of fraction and float16 10; exponents count from 127 and from 15.
_DROPPED = 13
_REBIASED = np.uint32((127 - 15) << 23)
_SIGN = np.uint32(0x8000_0000)
_LEAST_NORMAL = np.float32(2.0**-14)  # of float16: below, its grid grows no finer than 2^-24


def draws(seeds: NDArray[np.uint64], columns: int) -> NDArray[np.uint16]:
    """Numbers from 0 to 2^13 - 1, shape (len(seeds), columns): splitmix64 (Steele et al., OOPSLA 2014), four of each.

    Args:
        seeds: Shape (n,).
        columns: How many for each seed.
    """
    x = seeds[:, None] + _GOLDEN * np.arange(1, columns // 4 + 2, dtype=np.uint64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    drawn: NDArray[np.uint16] = x.astype("<u8", copy=False).view("<u2")[:, :columns] >> np.uint16(16 - _DROPPED)
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


def _to_half(values: NDArray[np.float64], scale: NDArray[np.float64], seeds: NDArray[np.uint64]) -> NDArray[np.float16]:
    """By the bits of float32: a draw is added to those that float16 has no room for; where it carries, it is up."""
    scaled = (values * (1.0 / scale)[:, None]).astype(np.float32)
    drawn, bits = draws(seeds, values.shape[1]), scaled.view(np.uint32)
    normal = ((bits & ~_SIGN) + drawn - _REBIASED) >> _DROPPED
    size = np.abs(scaled)
    steps = np.minimum(size, _LEAST_NORMAL) * np.float32(2.0 ** (24 + _DROPPED))
    fine = (steps.astype(np.uint32) + drawn) >> _DROPPED
    both = np.where(size < _LEAST_NORMAL, fine, normal) | (bits & _SIGN) >> 16
    halves: NDArray[np.float16] = both.astype(np.uint16).view(np.float16)
    return halves


def from_half(values: NDArray[np.float16], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Back to float64, shapes as in `to_half`."""
    restored: NDArray[np.float64] = values.astype(np.float64) * scale[:, None]
    return restored
