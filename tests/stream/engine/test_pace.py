"""Batches as large as the time allows."""

from hypothesis import given
from hypothesis import strategies as st

from profilestream.stream.engine.pace import Pace


def settled(pace: Pace, rate: float, batches: int = 50) -> int:
    """The size that it comes to, when so many records a second are done and there are always more."""
    for _ in range(batches):
        pace.took(pace.size, pace.size / rate)
    return pace.size


@given(st.floats(20, 1e6), st.floats(20, 1e6))
def test_it_finds_what_fits(before: float, after: float) -> None:
    """Whatever it was used to, a batch comes to take no longer than it may, and hardly less."""
    pace = Pace(10_000, seconds=2.0)
    settled(pace, before)
    size = settled(pace, after)
    assert size <= max(32, 2.0 * after + 0.5)
    assert size >= min(10_000, 0.9 * 2.0 * after - 1)


def test_texts_behind_clicks_are_in_time_at_once() -> None:
    """After the first batch that takes a hundred times as long, no other one takes longer than it may."""
    pace = Pace(8192, seconds=1.0)
    assert settled(pace, 50_000.0) == 8192
    pace.took(8192, 8192 / 400)
    assert pace.size <= 400


def test_idle_times_change_nothing() -> None:
    """A trickle of single events, each done at once, does not say that ten thousand would be."""
    pace = Pace(10_000, seconds=1.0)
    size = settled(pace, 500.0)
    for _ in range(100):
        pace.took(1, 0.001)
    assert pace.size == size


def test_after_a_pause_it_begins_small() -> None:
    """What was clicks an hour ago may be texts now; a breath between two bursts changes nothing."""
    pace = Pace(8192, seconds=1.0)
    size = settled(pace, 50_000.0)
    pace.rested(0.9)
    assert pace.size == size
    pace.rested(1.1)
    assert pace.size == Pace(8192, seconds=1.0).size


@given(st.integers(1, 300), st.lists(st.tuples(st.integers(1, 300), st.floats(0, 100)), max_size=50))
def test_a_batch_has_something_and_not_too_much(most: int, batches: list[tuple[int, float]]) -> None:
    """No outage and no burst makes it stand still or go beyond the limit."""
    pace = Pace(most, seconds=1.0)
    for records, seconds in batches:
        pace.took(min(records, pace.size), seconds)
        assert 1 <= pace.size <= most
