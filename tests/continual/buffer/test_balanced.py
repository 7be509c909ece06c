"""The balanced reservoir keeps every label, and prefers what is new."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profilestream.continual.buffer.balanced import BalancedBuffer
from profilestream.continual.buffer.base import Limits
from profilestream.schemas.errors import ConfigurationError
from tests.continual.buffer.buffers import item

DAY = 86_400_000


@settings(max_examples=30)
@given(counts=st.lists(st.integers(1, 40), min_size=2, max_size=6), most=st.integers(6, 40))
def test_labels_share_the_room_equally(counts, most) -> None:
    """A label gives up items only to labels that have fewer: none is above another that had more to offer."""
    with BalancedBuffer(limits=Limits(items=most)) as buffer:
        buffer.add(item(f"{label}-{n}", label=str(label)) for label, count in enumerate(counts) for n in range(count))
        kept = buffer.labels()
        highest = max(kept.values())
        assert sum(kept.values()) == min(most, sum(counts))
        assert all(kept[str(label)] >= min(count, highest - 1) for label, count in enumerate(counts))


def test_a_rare_label_survives_a_flood() -> None:
    """Three texts of a rare label are still there after a thousand of another."""
    with BalancedBuffer(limits=Limits(items=20)) as buffer:
        buffer.add(item(f"rare-{n}", label="rare") for n in range(3))
        for start in range(0, 1000, 50):
            buffer.add(item(str(start + n), label="common") for n in range(50))
        assert buffer.labels() == {"rare": 3, "common": 17}


def test_each_half_life_halves_the_chance_to_stay() -> None:
    """Of texts a half-life apart the newer stay twice as often: 10 of 200 so that the choice is a small one."""
    young = old = 0
    for seed in range(25):
        with BalancedBuffer(limits=Limits(items=10), seed=seed, half_life=86_400) as buffer:
            buffer.add(item(f"{n}", time=(n % 2) * DAY) for n in range(200))
            fresh = sum(kept.time > 0 for kept in buffer.items())
            young, old = young + fresh, old + len(buffer) - fresh
    assert 1.2 < young / old < 3.6  # 250 draws: 2 expected, with a deviation of 0.28 or less


def test_ages_of_years_do_not_overflow() -> None:
    """Weights grow without bound over time; ranks stay finite and in order."""
    with BalancedBuffer(limits=Limits(items=1), half_life=1) as buffer:
        buffer.add([item("now", time=1_795_000_000_000), item("then", time=1_000_000_000_000)])
        assert [kept.id for kept in buffer.items()] == ["now"]


def test_a_half_life_of_nothing_is_refused() -> None:
    """It would divide by zero."""
    with pytest.raises(ConfigurationError):
        BalancedBuffer(half_life=0)
