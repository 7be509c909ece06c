"""Revisions of profiles, and what a store that forgets does to them."""

import asyncio

import pytest

from profilestream.schemas.codec import decode_update
from profilestream.schemas.errors import LostWritesError
from profilestream.stream.engine.memory import MemorySource
from profilestream.stream.simulation.clock import run_virtually
from profilestream.stream.store.memory import MemoryServer, MemoryStore
from tests.stream.world import World, event


async def test_the_same_events_have_the_same_revision_in_whatever_batches() -> None:
    """After the store lost everything, replaying ends where consumers of the updates already were, not below."""
    revisions = []
    world = World()
    world.send(*[event(number) for number in range(50)])
    for batch in (1, 7, 50):
        world.store, world.log.committed = MemoryStore(), {}
        await world.engine(batch=batch).run()
        (stored,) = await world.store.load(["ada"])
        revisions.append(stored and stored.revision)
    assert revisions == [50, 50, 50]


async def test_an_update_that_is_published_again_names_the_last_event_that_is_in_it() -> None:
    """Reading old events again republishes the profile of today, with its offset of today."""
    world = World()
    world.send(*[event(number) for number in range(20)])
    await world.engine().run()
    world.log.committed.clear()
    await world.engine(batch=1).run()
    updates = [decode_update(message.value) for message in world.log.messages("profile-updates")]
    assert {(update.revision, update.offset) for update in updates[2:]} == {(20, 19)}


def test_an_idle_engine_notices_that_the_store_lost_writes() -> None:
    """What is missing is read again at once, not when the next event happens to come."""

    async def idle() -> None:
        server = MemoryServer()
        world = World(store=MemoryStore(server))
        await world.store.watermarks()
        world.send(*[event(number) for number in range(20)])
        engine = world.engine(MemorySource(world.log, "user-events", follow=True))
        task = asyncio.create_task(engine.run())
        await asyncio.sleep(60)
        assert engine.counters.applied == 20
        server.restart({}, {})
        with pytest.raises(ExceptionGroup) as raised:
            await task
        assert raised.group_contains(LostWritesError)

    run_virtually(idle(), 0)
