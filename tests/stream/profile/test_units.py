"""One event, one row: what it adds to a profile, and nothing else."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from profilestream.schemas.events import EVENT_TYPES
from profilestream.stream.profile.layout import DAY_MS, Layout
from profilestream.stream.profile.units import Observations, hour_of_day, type_index, units
from tests.stream.profile.made_up import START, observe

LAYOUT = Layout(dimensions=6)


@pytest.fixture
def seen() -> Observations:
    """Six events; the third and the last have no text."""
    return observe([START + n * 1000 for n in range(6)], LAYOUT)


def test_each_event_counts_once(seen: Observations) -> None:
    """One event, one type, one hour, at every half-life."""
    table = units(seen, LAYOUT)
    assert table.events.tolist() == [1] * 6
    assert_array_equal(table.weights, np.ones((6, 2)))
    assert_array_equal(table.types.sum(axis=2), np.ones((6, 2)))
    assert_array_equal(table.hours.sum(axis=1), np.ones(6))
    assert table.types[np.arange(6), 0, seen.type].tolist() == [1.0] * 6


def test_events_without_text_say_nothing(seen: Observations) -> None:
    """A click has a time and a type, and no label, mood or vector."""
    table = units(seen, LAYOUT)
    silent = [2, 5]
    assert table.texts[:, 0].tolist() == [1, 1, 0, 1, 1, 0]
    for column in ("labels", "sentiment", "vector"):
        assert not getattr(table, column)[silent].any()
    assert table.codes.row.tolist() == [0, 1, 3, 4]


def test_what_a_text_says_is_added_as_it_is(seen: Observations) -> None:
    """Scores, polarity with its square, and the vector under its code."""
    table = units(seen, LAYOUT)
    assert_array_equal(table.labels[[0, 1, 3, 4], 0], seen.scores)
    assert_array_equal(table.labels[:, 0], table.labels[:, 1])
    assert_array_equal(table.sentiment[1, 0], [1.0, seen.polarity[1], seen.polarity[1] ** 2])
    assert_array_equal(table.vector[[0, 1, 3, 4]], seen.vectors)
    assert_array_equal(table.codes.vector, seen.vectors)


def test_a_unit_knows_where_it_came_from(seen: Observations) -> None:
    """Its offset and its id go into the profile, so that it is recognised when it comes again."""
    table = units(seen, LAYOUT)
    assert table.offsets[4] == {"user-events-0": 4}
    assert table.recent[4] == (seen.ids[4],)


def test_a_part_of_a_batch_is_the_batch_of_that_part(seen: Observations) -> None:
    """Leaving out events that were applied before does not shift the others' texts."""
    rows = np.array([1, 2, 4])
    part, whole = units(seen.take(rows), LAYOUT), units(seen, LAYOUT)
    for column in ("t_ref", "texts", "labels", "sentiment", "vector", "types"):
        assert_array_equal(getattr(part, column), getattr(whole, column)[rows], err_msg=column)
    assert part.evidence == [whole.evidence[row] for row in rows]
    assert part.codes.row.tolist() == [0, 2]
    assert_array_equal(part.codes.vector, whole.codes.vector[[1, 3]])


def test_nothing_of_a_batch_is_an_empty_batch(seen: Observations) -> None:
    """A replay in which every event is known makes no rows."""
    assert len(units(seen.take(np.zeros(0, np.int64)), LAYOUT)) == 0


def test_unknown_types_are_other() -> None:
    """A producer may invent types; they are counted, not refused."""
    assert [EVENT_TYPES[type_index(name)] for name in ("review", "telepathy", "")] == ["review", "other", "other"]


@pytest.mark.parametrize(
    ("time", "hour"), [(0, 0), (3_599_999, 0), (3_600_000, 1), (int(DAY_MS) - 1, 23), (int(DAY_MS), 0), (-1, 23)]
)
def test_hours_are_utc(time: int, hour: int) -> None:
    """The hour of the day does not depend on where the worker stands, nor on 1970."""
    assert hour_of_day(np.array([time])).tolist() == [hour]
