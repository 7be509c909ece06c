"""Adding events to profiles is what `reduce` defines, without its rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from profilestream.stream.profile.add import add
from profilestream.stream.profile.layout import DAY_MS, Layout
from profilestream.stream.profile.reduce import reduce
from profilestream.stream.profile.spaces import drop_vectors
from profilestream.stream.profile.table import ProfileTable, concatenate
from profilestream.stream.profile.units import units
from tests.stream.profile.made_up import START, observe, profile_of, side_by_side

LAYOUT = Layout(dimensions=12, codes=3)

moments = st.lists(st.integers(START, START + int(90 * DAY_MS)), min_size=1, max_size=20)


@given(st.lists(moments | st.just([]), min_size=1, max_size=4), moments, st.integers(1, 4), st.data())
def test_it_is_what_reduce_makes_of_both(stored: list[list[int]], times: list[int], unspoken: int, data) -> None:
    """New users, late events, events with and without text, rows of another encoder: the same to 1e-9."""
    table = side_by_side(
        *[
            profile_of(known, LAYOUT, seed=seed, label_ids=np.array([0, 2, 7]))
            if known
            else ProfileTable.empty(1, LAYOUT)
            for seed, known in enumerate(stored)
        ]
    )
    seen = observe(times, LAYOUT, seed=9, unspoken=unspoken, codes=5, event_id="new{}")
    owner = np.array(data.draw(st.lists(st.integers(0, len(table) - 1), min_size=len(times), max_size=len(times))))
    alone = np.array(data.draw(st.lists(st.integers(0, len(table) - 1), unique=True)), dtype=np.int64)
    rows = units(seen, LAYOUT)
    drop_vectors(rows, np.flatnonzero(np.isin(owner, alone)))
    expected = reduce(concatenate([table, rows]), np.concatenate([np.arange(len(table)), owner]), len(table))
    found = add(table, seen, owner, keep=alone)
    for column in ("t_ref", "first", "last", "events"):
        assert_array_equal(getattr(found, column), getattr(expected, column), err_msg=column)
    for column in ("weights", "texts", "types", "hours", "sentiment", "vector"):
        assert_allclose(getattr(found, column), getattr(expected, column), rtol=1e-9, atol=1e-12, err_msg=column)
    columns = np.searchsorted(expected.label_ids, found.label_ids)
    assert_allclose(found.labels, expected.labels[:, :, columns], rtol=1e-9, atol=1e-12)
    assert not np.delete(expected.labels, columns, axis=2).any()
    assert (found.evidence, found.offsets, found.recent) == (expected.evidence, expected.offsets, expected.recent)
    assert_array_equal(found.codes.row, expected.codes.row)
    assert_array_equal(found.codes.code, expected.codes.code)
    assert_allclose(found.codes.weight, expected.codes.weight, rtol=1e-9)
    assert_allclose(found.codes.vector, expected.codes.vector, rtol=1e-9, atol=1e-12)
