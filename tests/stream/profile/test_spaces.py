"""Sums carried into another space are the sums of carried events."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from profilestream.inference.spaces import Way
from profilestream.stream.profile.layout import Layout
from profilestream.stream.profile.reduce import reduce
from profilestream.stream.profile.spaces import carry, drop_vectors
from profilestream.stream.profile.units import units
from tests.stream.profile.made_up import START, fold, observe, profile_of, side_by_side

LAYOUT = Layout(dimensions=6, codes=4)

moments = st.lists(st.integers(START, START + 90 * 86_400_000), min_size=1, max_size=20)


@given(moments, st.integers(0, 2**32 - 1))
def test_mapping_a_sum_is_summing_what_was_mapped(times: list[int], seed: int) -> None:
    """To 1e-6 and better, whatever the matrix and the codes' steps: no event is read again when the encoder changes."""
    rng = np.random.default_rng(seed)
    way = Way(rng.normal(size=(6, 6)), rng.normal(size=(16, 6)))
    seen = observe(times, LAYOUT, seed=seed)
    summed = fold(units(seen, LAYOUT))
    carry(summed, ["old"], {"old": way})
    events = seen.vectors
    seen.vectors = way.carry(events)
    assert_allclose(summed.vector, fold(units(seen, LAYOUT)).vector, rtol=1e-6, atol=1e-9)
    seen.vectors = way.carry_codes(events, np.ones(len(events)), seen.codes)
    mapped = fold(units(seen, LAYOUT))
    assert_allclose(summed.codes.vector, mapped.codes.vector, rtol=1e-6, atol=1e-9)
    assert summed.codes.code.tolist() == mapped.codes.code.tolist()


def test_rows_of_other_encoders_are_not_touched() -> None:
    """A batch holds profiles of several encoders: only those with a way are carried."""
    before = side_by_side(profile_of([START] * 4, LAYOUT), profile_of([START] * 4, LAYOUT, seed=1))
    table = side_by_side(before)
    carry(table, ["ours", "old"], {"old": Way(2 * np.eye(6)), "older": Way(np.zeros((6, 6)))})
    assert_allclose(table.vector, before.vector * [[1.0], [2.0]])
    assert_allclose(table.codes.vector, before.codes.vector * (1.0 + before.codes.row[:, None]))


def test_dropping_vectors_leaves_the_rest() -> None:
    """Labels, counts and evidence depend on no encoder."""
    table = side_by_side(profile_of([START] * 4, LAYOUT), profile_of([START] * 4, LAYOUT, seed=1))
    kept = table.codes.row.tolist().count(1)
    labels = table.labels.copy()
    drop_vectors(table, np.array([0]))
    assert not table.vector[0].any()
    assert table.vector[1].any()
    assert table.codes.row.tolist() == [1] * kept
    assert_allclose(table.labels, labels)
    assert reduce(table, np.arange(2), 2).events.tolist() == [4, 4]
