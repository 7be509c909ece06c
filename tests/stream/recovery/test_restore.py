"""Profiles out of profile-updates, on the twins."""

import pytest

from profilestream.schemas.codec import encode
from profilestream.schemas.errors import ConfigurationError
from profilestream.schemas.events import ProfileUpdate
from profilestream.stream.engine.position import resume_at
from profilestream.stream.profile.state import decode_states
from profilestream.stream.recovery.restore import Rebuild, Restored, refuse_unless_empty
from profilestream.stream.recovery.store import ErasableMemory
from profilestream.stream.store.base import Stored
from tests.stream.world import LAYOUT, World, event

USERS = [f"user{number}" for number in range(7)]
IN_FLIGHT = 3 * 8


def update(user: str, revision: int, offset: int = 0, partition: int = 0) -> tuple[bytes, bytes]:
    """A message of profile-updates."""
    told = ProfileUpdate(
        user=user,
        revision=revision,
        model_version="m",
        topic="user-events",
        partition=partition,
        offset=offset,
        time=0,
        events=1,
        state=b"state %d" % revision,
    )
    return user.encode(), encode(told)


def stored(revision: int) -> Stored:
    """What is stored of it."""
    return Stored(revision, b"state %d" % revision)


async def rebuilt(
    store: ErasableMemory, *messages: tuple[bytes | None, bytes | None], dry_run: bool = False
) -> Restored:
    """Restore, a few messages at a time."""
    rebuild = Rebuild(store, dry_run=dry_run)
    for at in range(0, len(messages), 2):
        await rebuild.take(messages[at : at + 2])
    return rebuild.result


async def worked(events: int = 400) -> World:
    """A world whose engine has applied so many events of all users."""
    world = World()
    world.send(*[event(number, USERS[number % len(USERS)]) for number in range(events)])
    await world.engine(batch=8).run()
    return world


def told(world: World) -> list[tuple[bytes | None, bytes | None]]:
    """The messages on profile-updates."""
    return [(message.key, message.value) for message in world.log.messages("profile-updates")]


async def test_an_empty_store_is_as_it_was() -> None:
    """Every profile comes back, revision and bytes."""
    world = await worked()
    store = ErasableMemory()
    result = await rebuilt(store, *told(world))
    assert store.profiles == world.store.profiles  # type: ignore[attr-defined]
    assert (result.users, result.erased, len(result.kept), result.unreadable) == (7, 0, 0, 0)


async def test_the_highest_revision_wins() -> None:
    """Whatever the order in which a producer wrote them, and however often."""
    store = ErasableMemory()
    await rebuilt(store, update("ada", 3), update("ada", 5), update("ada", 5), update("ada", 4), update("bob", 1))
    assert store.profiles == {"ada": stored(5), "bob": stored(1)}


async def test_a_tombstone_is_an_erased_user() -> None:
    """Who was erased does not come back; who returned since has the profile since, of a lower revision."""
    store = ErasableMemory()
    result = await rebuilt(
        store, update("ada", 3), (b"ada", None), update("bob", 7), update("eve", 9), (b"bob", None), update("bob", 2)
    )
    assert store.profiles == {"bob": stored(2), "eve": stored(9)}
    assert (result.users, result.erased) == (2, 1)


async def test_merging_never_lowers_a_profile() -> None:
    """What is newer in the store stays, what is older or missing is replaced, who was erased goes."""
    store = ErasableMemory()
    store.profiles.update({"ada": stored(9), "bob": stored(1), "eve": stored(4)})
    result = await rebuilt(store, update("ada", 8), update("bob", 2), update("joe", 1), (b"eve", None))
    assert store.profiles == {"ada": stored(9), "bob": stored(2), "joe": stored(1)}
    assert (result.users, result.kept) == (2, {"ada"})


async def test_a_dry_run_only_counts() -> None:
    """It says what would be done, and does nothing."""
    store = ErasableMemory()
    store.profiles["ada"] = stored(9)
    result = await rebuilt(store, update("ada", 8), update("bob", 2), update("bob", 3), (b"eve", None), dry_run=True)
    assert store.profiles == {"ada": stored(9)}
    assert (result.users, result.kept, result.erased) == (1, {"ada"}, 1)


async def test_rubbish_is_counted() -> None:
    """A message that is no update keeps nobody from being restored."""
    store = ErasableMemory()
    result = await rebuilt(store, (b"ada", b"rubbish"), update("ada", 1), (None, b""))
    assert store.profiles == {"ada": stored(1)}
    assert result.unreadable == 2


async def test_a_store_that_is_not_empty_is_refused() -> None:
    """Nobody restores over living profiles by mistake; the error names the option."""
    store = ErasableMemory()
    await refuse_unless_empty(store)
    store.profiles["ada"] = stored(1)
    with pytest.raises(ConfigurationError, match="--merge"):
        await refuse_unless_empty(store)


async def test_watermarks_are_what_is_proved() -> None:
    """The lower of what was committed and what the updates name, less what may have been in flight."""
    result = await rebuilt(
        ErasableMemory(), update("ada", 1, 99), update("bob", 1, 40), update("eve", 1, 5, partition=1)
    )
    committed = {"user-events-0": 100, "user-events-2": 7}
    assert result.watermarks(24, committed) == {"user-events-0": 76, "user-events-1": 0, "user-events-2": 0}
    assert result.watermarks(24, {"user-events-0": 50})["user-events-0"] == 50


@pytest.mark.parametrize("lost", [0, 1, 5, 8, 23, 60, 200])
async def test_a_topic_that_lags_loses_nothing(lost: int) -> None:
    """Updates that never arrived are made again: the worker goes back far enough, and no event counts twice."""
    world = await worked()
    store = ErasableMemory()
    by_partition = [world.log._messages[world.log.partition_of("profile-updates", user.encode())] for user in USERS]
    for messages in {id(messages): messages for messages in by_partition}.values():
        del messages[max(0, len(messages) - lost) :]
    result = await rebuilt(store, *told(world))
    marks = result.watermarks(IN_FLIGHT, {str(p): offset for p, offset in world.log.committed.items()})
    for partition, offset in world.log.committed.items():
        world.log.committed[partition] = resume_at(offset, marks.get(str(partition)))
    world.store = store
    world.send(*[event(number, USERS[number % len(USERS)]) for number in range(400, 470)])
    await world.engine(batch=8).run()
    table = decode_states([store.profiles[user].state for user in USERS], LAYOUT, "hash-v1")
    counts = [sum(number % len(USERS) == user for number in range(470)) for user in range(len(USERS))]
    assert table.events.tolist() == counts
