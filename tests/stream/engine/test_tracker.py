"""Acknowledging never passes an unfinished event."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profilestream.stream.engine.ports import Partition
from profilestream.stream.engine.tracker import OffsetTracker

P0, P1 = Partition("user-events", 0), Partition("user-events", 1)


def check(offsets: list[int], order: list[int]) -> None:
    """Finish in the given order; what is acknowledged must always be exactly the finished prefix."""
    tracker, finished = OffsetTracker(), set()
    for offset in offsets:
        tracker.begin(P0, offset)
    acknowledged = 0
    for offset in order:
        finished.add(offset)
        acknowledged = tracker.finish(P0, offset) or acknowledged
        unfinished = [o for o in offsets if o not in finished]
        assert all(o >= acknowledged for o in unfinished)
        prefix = [o for o in offsets if not unfinished or o < unfinished[0]]
        assert acknowledged == (prefix[-1] + 1 if prefix else 0)
    assert tracker.in_flight() == 0


@pytest.mark.parametrize("seed", range(200))
def test_random_orders_of_completion(seed: int) -> None:
    """In 200 random orders of finishing, no unfinished event is passed."""
    offsets = list(range(10))
    order = random.Random(seed).sample(offsets, 10)
    check(offsets, order)


@given(st.data(), st.sets(st.integers(0, 1000), min_size=1, max_size=40).map(sorted))
def test_any_order_with_gaps(data: st.DataObject, offsets: list[int]) -> None:
    """Gaps in the offsets, as compaction leaves them, do not hold acknowledging up."""
    check(offsets, data.draw(st.permutations(offsets)))


def test_partitions_are_independent() -> None:
    """A slow partition does not hold another one up."""
    tracker = OffsetTracker()
    tracker.begin(P0, 5)
    tracker.begin(P1, 7)
    assert tracker.finish(P1, 7) == 8
    assert tracker.finish(P0, 5) == 6


def test_reading_backwards_is_an_error() -> None:
    """A source that delivers out of order is found out at once."""
    tracker = OffsetTracker()
    tracker.begin(P0, 5)
    with pytest.raises(ValueError, match="was read after 5"):
        tracker.begin(P0, 5)
