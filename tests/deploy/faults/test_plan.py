"""Plans of faults: repeatable, of every kind, with rounds in which Redis keeps all."""

from collections import Counter

import pytest

from profilestream.deploy.faults.kinds import LOSSY, Kind, possible
from profilestream.deploy.faults.plan import plan


def test_a_seed_always_gives_the_same_plan() -> None:
    """What failed can be played again; another seed gives other faults."""
    assert plan(7, 50, tuple(Kind)) == plan(7, 50, tuple(Kind))
    assert plan(7, 50, tuple(Kind)) != plan(8, 50, tuple(Kind))


@pytest.mark.parametrize("faults", [1, 13, 100])
def test_as_many_faults_as_were_asked_for(faults: int) -> None:
    """In rounds of a bounded size."""
    rounds = plan(0, faults, tuple(Kind), size=6)
    assert sum(map(len, rounds)) == faults
    assert max(map(len, rounds)) <= 6


def test_every_kind_comes_about_equally_often() -> None:
    """A run of a hundred faults leaves none out."""
    counts = Counter(one.kind for strikes in plan(3, 105, tuple(Kind)) for one in strikes)
    assert set(counts) == set(Kind)
    assert max(counts.values()) - min(counts.values()) <= 2


def test_in_every_other_round_redis_keeps_all() -> None:
    """Only there can it be said that revisions must never go back."""
    for strikes in plan(5, 100, tuple(Kind))[::2]:
        assert LOSSY.isdisjoint({one.kind for one in strikes})


def test_a_broker_in_memory_is_not_killed() -> None:
    """That would prove only that it keeps nothing; and where there is no Triton, nothing is done to it."""
    left_out = set(Kind) - set(possible(broker_keeps_data=False, triton=False))
    assert {Kind.BROKER_KILLED, Kind.BROKER_FULL, Kind.TRITON_HANGS} <= left_out
    assert {Kind.BROKER_HANGS, Kind.WORKER_KILLED}.isdisjoint(left_out)
