"""Reading topics from outside the group, on real brokers."""

import asyncio

import pytest

from profilestream.deploy.local.ports import free_port
from profilestream.deploy.topics import Topic, ensure_topics
from profilestream.schemas.errors import BrokerUnavailableError
from profilestream.stream.engine.ports import Outgoing
from profilestream.stream.kafka.connection import KafkaConnection
from profilestream.stream.kafka.reader import follow, reader
from profilestream.stream.kafka.sink import KafkaSink


@pytest.fixture
def connection(kafka: str) -> KafkaConnection:
    """To a real broker."""
    return KafkaConnection(bootstrap=kafka)


@pytest.fixture
def embedded(kafka: str, request: pytest.FixtureRequest) -> bool:
    """Whether the broker is the embedded one."""
    return "tansu" in request.node.callspec.id


@pytest.fixture
async def topics(connection: KafkaConnection, unique) -> list[str]:
    """Two topics of their own, with five old messages each."""
    names = [unique("reader"), unique("reader")]
    await ensure_topics(connection, 2, topics=[Topic(name=name) for name in names])
    for name in names:
        await write(connection, name, *[f"old{number}" for number in range(5)])
    return names


async def write(connection: KafkaConnection, topic: str, *values: str) -> None:
    """Messages with one key each."""
    sink = await KafkaSink.connect(connection)
    await sink.publish([Outgoing(topic, value.encode(), value.encode()) for value in values])
    await sink.close()


async def test_from_the_beginning_everything_is_read(connection: KafkaConnection, topics: list[str]) -> None:
    """All partitions of all topics."""
    found = set()
    async with asyncio.timeout(30), reader(connection, *topics, start="earliest") as consumer:
        while len(found) < 10:
            record = await consumer.getone()
            found.add((record.topic, record.value))
    assert found == {(topic, b"old%d" % number) for topic in topics for number in range(5)}


async def test_from_the_end_what_is_written_after_entering_is_read(
    connection: KafkaConnection, topics: list[str], embedded: bool
) -> None:
    """Nothing new is missed, although no message was asked for when it was written."""
    async with asyncio.timeout(30), reader(connection, *topics, start="latest") as consumer:
        await write(connection, topics[0], "new0", "new1", "new2")
        found: list[bytes] = []
        while sum(value.startswith(b"new") for value in found) < 3:
            found.append((await consumer.getone()).value)
    new = [value for value in found if value.startswith(b"new")]
    assert set(new) == {b"new0", b"new1", b"new2"}
    # The embedded broker takes the start of the last batch for the end of the log: its last messages come again.
    assert found == new or embedded


async def test_following_says_when_it_is_ready(connection: KafkaConnection, topics: list[str]) -> None:
    """Whoever starts a producer after `ready` sees its first message."""
    ready = asyncio.Event()

    async def first_new() -> bytes | None:
        async for record in follow(connection, topics[1], start="latest", ready=ready.set):
            if record.value.startswith(b"new"):
                return record.value
        return None

    async with asyncio.timeout(30):
        reading = asyncio.create_task(first_new())
        await ready.wait()
        await write(connection, topics[1], "new")
        assert await reading == b"new"


async def test_readers_do_not_share(connection: KafkaConnection, topics: list[str]) -> None:
    """Each reader sees everything: there is no group, and nothing is committed."""
    async with (
        asyncio.timeout(30),
        reader(connection, topics[0], start="earliest") as one,
        reader(connection, topics[0], start="earliest") as other,
    ):
        for consumer in (one, other):
            assert len({(await consumer.getone()).value for _ in range(5)}) == 5


async def test_nobody_there_is_said_at_once() -> None:
    """With the address, and what to do about it."""
    address = f"127.0.0.1:{free_port()}"
    async with asyncio.timeout(15):
        with pytest.raises(BrokerUnavailableError, match=rf"{address}.*\n?.*profilestream up.*PROFILESTREAM_KAFKA"):
            async with reader(KafkaConnection(bootstrap=address), "x", start="latest"):
                pass
