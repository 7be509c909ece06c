"""Sums in two bytes a number: they go on growing, and a replay gives the same bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from profilestream.stream.profile.rounding import draws, from_half, scale_of, to_half

DIMENSIONS = 48


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of two vectors."""
    return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))


def nearest(values: np.ndarray, scale: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """What we do not do."""
    return (values / scale[:, None]).astype(np.float16)


def by_definition(values: np.ndarray, scale: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Up to the greater neighbour on float16's grid, as numpy names them, with the chance that 13 bits can say."""
    scaled = (values / scale[:, None]).astype(np.float32)
    size = np.abs(scaled)
    low = size.astype(np.float16)
    low = np.where(low > size, np.nextafter(low, np.float16(0)), low)
    high = np.nextafter(low, np.float16(np.inf))
    gap = high.astype(np.float64) - low.astype(np.float64)
    distance = np.floor((size - low.astype(np.float64)) / gap * 2**13)
    up = draws(seeds, values.shape[1]) + distance >= 2**13
    return np.copysign(np.where(up, high, low), scaled.astype(np.float16))


@given(st.lists(st.floats(-2, 2) | st.floats(-1e-4, 1e-4) | st.floats(-1e-7, 1e-7), min_size=1), st.integers(0, 2**60))
def test_numbers_are_rounded_to_their_neighbours(values: list[float], seed: int) -> None:
    """Byte for byte what the definition gives, from the largest sums to those below float16's smallest number."""
    row, scale, seeds = np.array([values]), np.array([2.0]), np.array([seed], dtype=np.uint64)
    assert to_half(row, scale, seeds).tobytes() == by_definition(row, scale, seeds).tobytes()


def cosine_to_exact(half_life: int, rounded) -> float:
    """A sum that is stored after each of two half-lives' events, against the same sum in float64."""
    rng = np.random.default_rng(half_life)
    decay = 0.5 ** (1 / half_life)
    direction = rng.normal(size=DIMENSIONS)
    exact, kept, weight = np.zeros((1, DIMENSIONS)), np.zeros((1, DIMENSIONS)), np.zeros(1)
    for step, noise in enumerate(rng.normal(size=(2 * half_life, DIMENSIONS))):
        vector = direction + 2 * noise
        vector /= np.linalg.norm(vector)
        weight = weight * decay + 1
        exact = exact * decay + vector
        scale = scale_of(weight.astype(np.float32))
        kept = from_half(rounded(kept * decay + vector, scale, np.array([step << 20], np.uint64)), scale)
    return cosine(exact, kept)


@pytest.mark.parametrize("half_life", [3_000, 30_000])
def test_growing_sums_stay_right(half_life: int, record_property) -> None:
    """At the design's half-lives a sum that is rounded after each event still points where it should."""
    found = cosine_to_exact(half_life, to_half)
    record_property("cosine", found)
    assert found >= 0.999


def test_rounding_to_nearest_would_not_do(record_property) -> None:
    """The reason for all this: to nearest, small additions to a large sum vanish."""
    found = cosine_to_exact(30_000, nearest)
    record_property("cosine", found)
    assert found < 0.99


def test_rounding_is_right_on_average() -> None:
    """A value between two that float16 knows becomes the upper one as often as it is near it."""
    value = 1 / 3
    seeds = np.arange(20_000, dtype=np.uint64) << np.uint64(20)
    halves = to_half(np.full((20_000, 1), value), np.ones(20_000), seeds)
    assert len(np.unique(halves)) == 2
    assert halves.astype(np.float64).mean() == pytest.approx(value, abs=2e-6)


finite = st.floats(-1, 1, allow_subnormal=False)


@given(st.lists(finite, min_size=1, max_size=30), st.floats(1e-30, 1e30), st.integers(0, 2**64 - 1))
def test_a_value_becomes_a_neighbour(values: list[float], weight: float, seed: int) -> None:
    """Never further than one step of float16, on either side, the same each time."""
    scale = scale_of(np.array([weight], np.float32))
    rows = np.array([values]) * weight
    seeds = np.array([seed], np.uint64)
    halves = to_half(rows, scale, seeds)
    assert_array_equal(halves, to_half(rows, scale, seeds))
    assert_allclose(from_half(halves, scale), rows, rtol=2**-10, atol=2**-24 * scale[0])


@given(st.lists(st.floats(-1, 1, width=16), min_size=1, max_size=30), st.integers(0, 2**64 - 1))
def test_what_float16_knows_is_kept(values: list[float], seed: int) -> None:
    """A profile that is read and written again does not wear."""
    rows = np.array([values])
    assert_array_equal(to_half(rows, np.ones(1), np.array([seed], np.uint64)).astype(np.float64), rows)


@given(st.floats(1e-30, 1e30))
def test_scales_are_powers_of_two_above_the_weight(weight: float) -> None:
    """So dividing by one loses nothing, and a sum of that many unit vectors is at most 1."""
    (scale,) = scale_of(np.array([weight], np.float32))
    assert np.frexp(scale)[0] == 0.5
    assert np.float32(weight) <= scale <= 2 * np.float32(weight)


def test_nothing_has_scale_one() -> None:
    """A profile without texts stores zeros, not a division by zero."""
    scale = scale_of(np.zeros(2, np.float32))
    assert scale.tolist() == [1.0, 1.0]
    assert not to_half(np.zeros((2, 3)), scale, np.zeros(2, np.uint64)).any()


def test_the_randomness_is_even_and_without_pattern() -> None:
    """Neighbouring seeds and columns, as offsets are, give numbers that are spread and not alike."""
    drawn = draws(np.arange(400, dtype=np.uint64) << np.uint64(20), 50)
    assert_allclose(np.histogram(drawn, bins=8, range=(0, 2**13))[0], 2_500, atol=250)
    assert np.abs(np.corrcoef(drawn[:40]) - np.eye(40)).max() < 0.6
    assert np.abs(np.corrcoef(drawn.T) - np.eye(50)).max() < 0.25
