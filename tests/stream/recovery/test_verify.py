"""The store beside the fold of user-events, on the twins."""

import numpy as np
import pytest

from profilestream.stream.engine.ports import Partition
from profilestream.stream.profile.state import decode_states, encode_states
from profilestream.stream.recovery.fold import Fold
from profilestream.stream.recovery.scan import Span
from profilestream.stream.recovery.verify import Checked, Verifier
from profilestream.stream.store.base import Stored
from profilestream.stream.store.memory import MemoryStore
from tests.stream.world import LAYOUT, NOW, World, event

USERS = [f"user{number}" for number in range(5)]
TYPES = ("message", "click", "purchase", "strange")


def events(count: int, first: int = 0):
    """Events of all users, over some weeks, of several types, with and without a text."""
    return [
        event(
            number,
            USERS[number % len(USERS)],
            type=TYPES[number % 4],
            time=NOW + number * 3_600_000,
            text="words" if number % 4 == 0 else None,
        )
        for number in range(first, first + count)
    ]


@pytest.fixture
async def world() -> World:
    """All events are applied; there was rubbish, and an event that was sent twice."""
    world = World()
    world.send(*events(200))
    world.log.append("user-events", b"user0", b"rubbish")
    world.send(*events(1, first=199))
    await world.engine().run()
    return world


def profiles(world: World) -> dict[str, Stored]:
    """What is stored."""
    assert isinstance(world.store, MemoryStore)
    return world.store.profiles


def spans(world: World, first: int = 0) -> dict[Partition, Span]:
    """The log from an offset on."""
    partitions = [Partition("user-events", number) for number in range(world.log.partitions)]
    return {p: Span(min(first, world.log.end(p)), world.log.end(p)) for p in partitions}


async def folded(world: World, within: dict[Partition, Span]) -> Fold:
    """The fold of a part of the log."""
    fold = Fold(LAYOUT, world.limits)
    for partition, span in within.items():
        await fold.take(world.log.read(partition, span.first, span.length))
    return fold


async def checked(world: World, first: int = 0, within: dict[Partition, Span] | None = None) -> Checked:
    """Verify a part of the log."""
    within = within or spans(world, first)
    verifier = Verifier(
        world.store,
        LAYOUT,
        spans=within,
        whole=all(span.first == 0 for span in within.values()),
        settled={str(p): offset for p, offset in world.log.committed.items()},
        ignore=set(),
    )
    return await verifier.check(await folded(world, within))


def tamper(world: World, user: str, **changes: object) -> None:
    """Change columns of a stored profile."""
    revision, state = profiles(world)[user]
    table = decode_states([state], LAYOUT, "hash-v1")
    for name, value in changes.items():
        setattr(table, name, value)
    profiles(world)[user] = Stored(revision, encode_states(table, "hash-v1", np.zeros(1, np.uint64))[0])


async def test_the_fold_is_what_the_engine_made(world: World) -> None:
    """All profiles are compared exactly, and agree; rubbish and repeated events are not counted."""
    fold = await folded(world, spans(world))
    assert (fold.events, fold.bad, fold.repeated) == (200, 1, 1)
    result = await checked(world)
    assert (result.exact, result.at_least, result.under_way, result.differences) == (5, 0, 0, [])


async def test_a_large_fold_is_the_same_as_a_small_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adding up piece by piece changes nothing."""
    monkeypatch.setattr("profilestream.stream.recovery.fold._AT_ONCE", 3)
    assert (await checked(world)).differences == []


@pytest.mark.parametrize(("by", "told"), [(-1, "39 events, and the log has 40"), (1, "41 events, and the log has 40")])
async def test_lost_and_doubled_events_are_found(world: World, by: int, told: str) -> None:
    """A profile with one event too few or too many is named, with both numbers."""
    table = decode_states([profiles(world)["user1"].state], LAYOUT, "hash-v1")
    tamper(world, "user1", events=table.events + by)
    ((user, kind, detail),) = [(d.user, d.kind, d.detail) for d in (await checked(world)).differences]
    assert (user, kind, detail) == ("user1", "different", told)


@pytest.mark.parametrize("column", ["weights", "texts", "types", "hours", "first", "last"])
async def test_other_sums_are_found(world: World, column: str) -> None:
    """Each column is compared."""
    table = decode_states([profiles(world)["user1"].state], LAYOUT, "hash-v1")
    tamper(world, "user1", **{column: getattr(table, column) + 1})
    assert [(d.user, d.kind) for d in (await checked(world)).differences] == [("user1", "different")]


async def test_a_profile_that_is_gone_or_fell_back_is_found(world: World) -> None:
    """What was committed must be stored."""
    before = dict(profiles(world))
    world.send(*events(50, first=300))
    await world.engine().run()
    profiles(world)["user1"] = before["user1"]
    del profiles(world)["user2"]
    assert {d.user: d.kind for d in (await checked(world)).differences} == {"user1": "behind", "user2": "missing"}


async def test_what_no_worker_acknowledged_is_under_way(world: World) -> None:
    """Events that wait are not lost."""
    world.send(*events(5, first=300), event(400, "newcomer"))
    result = await checked(world)
    assert (result.exact, result.under_way, result.differences) == (0, 6, [])


async def test_a_part_of_the_log_is_a_lower_bound(world: World) -> None:
    """A range that begins late says that profiles hold at least its events, and finds what they lack."""
    result = await checked(world, first=10)
    assert result.exact == 0
    assert result.at_least == 5
    assert result.differences == []
    world.send(*events(200, first=300))
    await world.engine().run()
    table = decode_states([profiles(world)["user1"].state], LAYOUT, "hash-v1")
    tamper(world, "user1", events=table.events * 0 + 30)
    assert [(d.user, d.kind) for d in (await checked(world, first=10)).differences] == [("user1", "different")]


async def test_a_worker_that_went_on_meanwhile_is_no_difference(world: World) -> None:
    """What was applied after the range was read is more than the fold has, and that is right."""
    within = spans(world)
    world.send(*events(50, first=300))
    await world.engine().run()
    result = await checked(world, within=within)
    assert (result.exact, result.at_least, result.differences) == (0, 5, [])
