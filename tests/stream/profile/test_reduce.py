"""The arithmetic is a commutative monoid: order, batching, late events and halves do not matter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from profilestream.stream.profile.layout import Layout
from profilestream.stream.profile.reduce import reduce
from profilestream.stream.profile.table import ProfileTable, concatenate
from profilestream.stream.profile.units import units
from tests.stream.profile.made_up import START, fold, observe

LAYOUT = Layout(dimensions=4, codes=64, evidence=3, evidence_per_label=2)


def assert_same(a: ProfileTable, b: ProfileTable) -> None:
    """Equal to 1e-9 in every column but the order in which ids came."""
    for column in ("t_ref", "first", "last", "events", "label_ids"):
        assert_allclose(getattr(a, column), getattr(b, column), rtol=0, atol=0)
    for column in ("weights", "texts", "types", "hours", "labels", "sentiment", "vector"):
        assert_allclose(getattr(a, column), getattr(b, column), rtol=1e-9, atol=1e-9, err_msg=column)
    assert a.codes.row.tolist() == b.codes.row.tolist()
    assert a.codes.code.tolist() == b.codes.code.tolist()
    assert_allclose(a.codes.weight, b.codes.weight, rtol=1e-9)
    assert_allclose(a.codes.vector, b.codes.vector, rtol=1e-9, atol=1e-9)
    assert a.evidence == b.evidence
    assert a.offsets == b.offsets


times = st.lists(st.integers(START, START + 400 * 86_400_000), min_size=1, max_size=24)


@given(times, st.randoms())
def test_any_order_gives_the_same_profile(when: list[int], random) -> None:
    """Late events count exactly as if they had come in time."""
    table = units(observe(when, LAYOUT), LAYOUT)
    shuffled = list(range(len(table)))
    random.shuffle(shuffled)
    rows = observe(when, LAYOUT)
    pieces = [units(rows.take(np.array([row])), LAYOUT) for row in shuffled]
    assert_same(fold(concatenate(pieces)), fold(table))


@given(times, st.data())
def test_any_batching_gives_the_same_profile(when: list[int], data) -> None:
    """Events one by one, in batches or all at once make the same profile."""
    seen = observe(when, LAYOUT)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(when) - 1)))) & set(range(len(when))))
    profile = ProfileTable.empty(1, LAYOUT)
    for batch in np.split(np.arange(len(when)), cuts):
        profile = fold(concatenate([profile, units(seen.take(batch), LAYOUT)]))
    assert_same(profile, fold(units(seen, LAYOUT)))


@given(times, times, times)
def test_halves_merge_associatively(first: list[int], second: list[int], third: list[int]) -> None:
    """Stitching identities in any grouping gives the same profile."""
    a, b, c = (
        fold(units(observe(when, LAYOUT, seed=seed), LAYOUT)) for seed, when in enumerate((first, second, third))
    )
    left = fold(concatenate([fold(concatenate([a, b])), c]))
    right = fold(concatenate([a, fold(concatenate([c, b]))]))
    assert_same(left, right)


@given(times)
def test_the_empty_profile_is_neutral(when: list[int]) -> None:
    """A user's first event makes the profile of that event."""
    profile = fold(units(observe(when, LAYOUT), LAYOUT))
    assert_same(fold(concatenate([ProfileTable.empty(1, LAYOUT), profile])), profile)
    assert_same(fold(concatenate([profile, ProfileTable.empty(1, LAYOUT)])), profile)


def test_users_of_a_batch_do_not_mix() -> None:
    """Reducing many users at once gives each what it would have had alone."""
    seen = observe([START + 3_600_000 * i for i in range(30)], LAYOUT)
    group = np.random.default_rng(1).permutation(np.arange(30) % 4)
    together = reduce(units(seen, LAYOUT), group, 4)
    for user in range(4):
        alone = fold(units(seen.take(np.flatnonzero(group == user)), LAYOUT))
        assert_allclose(together.labels[user], alone.labels[0], rtol=1e-9)
        assert_allclose(together.codes.vector[together.codes.row == user], alone.codes.vector, rtol=1e-9)
        assert together.evidence[user] == alone.evidence[0]


def test_a_half_life_halves() -> None:
    """An event one half-life ago counts half of one now."""
    long = LAYOUT.half_lives[-1]
    profile = fold(units(observe([START, START + int(long)], LAYOUT), LAYOUT))
    assert profile.weights[0, -1] == pytest.approx(1.5)


def test_the_weakest_codes_go_beyond_the_cap() -> None:
    """A profile keeps its heaviest interests and stays bounded."""
    layout = Layout(dimensions=4, codes=2)
    seen = observe([START] * 9, LAYOUT)
    seen.codes = np.array([5, 5, 5, 9, 9, 1])
    profile = fold(units(seen, layout))
    assert profile.codes.code.tolist() == [5, 9]


def test_every_group_needs_a_row() -> None:
    """A mistake in grouping is an error, not a silently wrong profile."""
    with pytest.raises(ValueError, match="needs a row"):
        reduce(ProfileTable.empty(2, LAYOUT), np.array([0, 2]), 3)
