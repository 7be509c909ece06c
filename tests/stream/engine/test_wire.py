"""The engine with a schema registry: both formats in, Confluent's out, and nothing dropped while it is down."""

import asyncio
from collections.abc import Iterator

import pytest

from profilestream.inference.serving import Serving
from profilestream.schemas.codec import encode
from profilestream.schemas.events import ProfileUpdate, UserEvent
from profilestream.schemas.registry import SchemaRegistry
from profilestream.schemas.wire import Wire
from profilestream.stream.engine.analysis import Analyser
from profilestream.stream.engine.apply import Applier
from profilestream.stream.engine.engine import BatchLimits, Engine
from profilestream.stream.engine.memory import MemorySink, MemorySource
from profilestream.stream.redaction import Redactor
from tests.schemas.registry_server import RegistryServer, registry_server
from tests.stream.world import LAYOUT, NOW, World, event, small_models


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    """A registry's stand-in, empty."""
    with registry_server() as running:
        yield running


def engine(world: World, wire: Wire) -> Engine:
    """An engine that reads and writes through a schema registry."""
    models = small_models(world.embedder)
    return Engine(
        source=MemorySource(world.log, "user-events"),
        sink=MemorySink(world.log),
        analyser=Analyser(lambda _: world.embedder, lambda: Serving(models), Redactor(), world.limits, LAYOUT, wire),
        applier=Applier(world.store, LAYOUT),
        store=world.store,
        limits=BatchLimits(events=16, seconds=0.0, in_flight=3),
        wire=wire,
    )


async def test_both_formats_in_and_the_registrys_out(server: RegistryServer) -> None:
    """Producers may change to the registry one after the other; consumers of updates get its format only."""
    world, wire = World(), Wire(SchemaRegistry(server.url), doubt=0.0)
    await wire.register(UserEvent, "user-events")
    await wire.register(ProfileUpdate, "profile-updates")
    for number in range(40):
        sent = event(number)
        world.log.append("user-events", b"ada", (wire.encode if number % 2 else encode)(sent), timestamp=NOW + number)
    world.log.append("user-events", b"ada", b"\x00\x00\x00\x00\x63body", timestamp=NOW)
    running = engine(world, wire)
    await running.run()

    updates = [message.value for message in world.log.messages("profile-updates")]
    await wire.prepare(updates)
    assert [wire.decode(ProfileUpdate, value).events for value in updates][-1] == 40
    assert {value[:5] for value in updates if value} == {b"\x00\x00\x00\x00\x02"}
    assert running.counters.dead_letters == {"unknown_schema": 1}
    await wire.close()


async def test_nothing_is_dropped_while_the_registry_is_down(server: RegistryServer) -> None:
    """Events whose schema cannot be looked up wait until the registry is back; none becomes a dead letter."""
    producer = Wire(SchemaRegistry(server.url))
    await producer.register(UserEvent, "user-events")
    world, wire = World(), Wire(SchemaRegistry(server.url), doubt=0.0)
    await wire.register(ProfileUpdate, "profile-updates")
    for number in range(40):
        world.log.append("user-events", b"ada", producer.encode(event(number)), timestamp=NOW + number)
    server.failing = 10
    running = engine(world, wire)
    async with asyncio.timeout(30):
        await running.run()

    assert server.failing == 0
    assert running.counters.applied == 40
    assert not running.counters.dead_letters
    await producer.close()
    await wire.close()
