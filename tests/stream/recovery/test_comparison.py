"""The store beside profile-updates, on the twins."""

import pytest

from profilestream.schemas.codec import decode_record, encode_record
from profilestream.stream.profile.state import SCHEMA
from profilestream.stream.recovery.comparison import Difference, Updates, compare
from profilestream.stream.store.base import Stored
from profilestream.stream.store.memory import MemoryStore
from tests.stream.world import World, event


async def nothing_new() -> None:
    """The topic stands still."""


@pytest.fixture
async def world() -> World:
    """Three users with a profile each."""
    world = World()
    world.send(*[event(number, user) for number in range(4) for user in ("ada", "bob", "eve")])
    await world.engine().run()
    return world


async def told(world: World) -> Updates:
    """What the topic says."""
    updates = Updates()
    await updates.take([(message.key, message.value) for message in world.log.messages("profile-updates")])
    return updates


async def found(world: World, updates: Updates) -> dict[str, str]:
    """The kinds of differences, by user."""
    return {d.user: d.kind for d in await compare(world.store, updates, nothing_new, between=0.0)}


def profiles(world: World) -> dict[str, Stored]:
    """What is stored."""
    assert isinstance(world.store, MemoryStore)
    return world.store.profiles


async def test_what_agrees_has_no_difference(world: World) -> None:
    """After a quiet run everything is as it was told."""
    assert await found(world, await told(world)) == {}


async def test_each_kind_is_found(world: World) -> None:
    """A profile that is gone, too old, too new, tampered with, of nobody, or of somebody who was erased."""
    updates = await told(world)
    revision, state = profiles(world)["ada"]
    cases = {
        "missing": None,
        "behind": Stored(revision - 1, state),
        "ahead": Stored(revision + 1, state),
        "different": Stored(revision, encode_record(SCHEMA, decode_record(SCHEMA, state) | {"events": 999})),
    }
    for kind, value in cases.items():
        profiles(world).pop("ada", None)
        if value:
            profiles(world)["ada"] = value
        assert await found(world, updates) == {"ada": kind}
    profiles(world)["ada"] = Stored(revision, state)
    profiles(world)["joe"] = Stored(1, state)
    await updates.take([(b"bob", None)])
    assert await found(world, updates) == {"bob": "not erased", "joe": "ahead"}


async def test_an_erased_user_has_no_profile(world: World) -> None:
    """A tombstone and no profile: that is as it should be."""
    updates = await told(world)
    await updates.take([(b"bob", None)])
    del profiles(world)["bob"]
    assert await found(world, updates) == {}


async def test_what_moves_is_looked_at_again(world: World) -> None:
    """An update that a worker is about to publish is no difference."""
    updates = await told(world)
    world.send(event(100, "ada"))
    await world.engine().run()

    async def again() -> None:
        await updates.take([(message.key, message.value) for message in world.log.messages("profile-updates")])

    assert await compare(world.store, updates, again, between=0.0) == []


async def test_differences_say_what_is_wrong(world: World) -> None:
    """In words that name both revisions."""
    updates = await told(world)
    revision, state = profiles(world)["ada"]
    profiles(world)["ada"] = Stored(revision + 3, state)
    (difference,) = await compare(world.store, updates, nothing_new, between=0.0)
    assert difference == Difference("ada", "ahead", f"revision {revision + 3}, and profile-updates has {revision}")
