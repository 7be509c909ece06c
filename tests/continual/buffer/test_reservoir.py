"""The plain reservoir is a uniform sample."""

from hypothesis import given, settings
from hypothesis import strategies as st

from profilestream.continual.buffer.base import Limits
from profilestream.continual.buffer.reservoir import ReservoirBuffer
from tests.continual.buffer.buffers import ids, item


def test_early_and_late_items_are_equally_likely() -> None:
    """Over many seeds each item is kept as often as any other: 20 of 100, 100 times, within four deviations."""
    items = [item(str(n)) for n in range(100)]
    kept = dict.fromkeys((each.id for each in items), 0)
    for seed in range(100):
        with ReservoirBuffer(limits=Limits(items=20), seed=seed) as buffer:
            buffer.add(items)
            for id_ in ids(buffer):
                kept[id_] += 1
    deviation = (100 * 0.2 * 0.8) ** 0.5
    assert all(abs(count - 20) < 4.5 * deviation for count in kept.values())
    early = sum(kept[str(n)] for n in range(50))
    assert abs(early - 1000) < 5 * deviation * 50**0.5


@settings(max_examples=20)
@given(order=st.permutations(range(30)))
def test_the_order_of_arrival_does_not_matter(order) -> None:
    """Feedback that is delivered late or again gives the same buffer."""
    with ReservoirBuffer(limits=Limits(items=7)) as one, ReservoirBuffer(limits=Limits(items=7)) as other:
        one.add(item(str(n)) for n in range(30))
        for n in order:
            other.add([item(str(n))])
        assert ids(one) == ids(other)
