"""Transactions on Apache Kafka: whoever lost its partitions cannot write any more."""

import pytest

from profilestream.deploy.topics import Topic, ensure_topics
from profilestream.schemas.errors import ConfigurationError, FencedError
from profilestream.stream.engine.ports import Outgoing, Partition
from profilestream.stream.kafka.connection import KafkaConnection
from profilestream.stream.kafka.reader import reader
from profilestream.stream.kafka.sink import LARGEST_MESSAGE, KafkaSink
from profilestream.stream.kafka.transactions import TransactionalSink

P0, P1 = Partition("user-events", 0), Partition("user-events", 1)


@pytest.fixture
async def topic(kafka: str, request: pytest.FixtureRequest, unique) -> tuple[KafkaConnection, str]:
    """A topic on a broker that has transactions."""
    connection = KafkaConnection(bootstrap=kafka)
    if not await TransactionalSink.supported(connection):
        pytest.skip("the embedded broker has no transactions")
    name = unique("updates")
    await ensure_topics(connection, 2, topics=[Topic(name=name)])
    return connection, name


async def owner(connection: KafkaConnection, plain: KafkaSink, group: str) -> TransactionalSink:
    """A worker's sink that was just assigned both partitions."""
    sink = TransactionalSink(connection, group, plain)
    await sink.assign([P0, P1])
    return sink


async def test_a_zombie_is_fenced_off_and_its_messages_are_never_read(topic, unique) -> None:
    """The successor's messages are read; what the predecessor sends afterwards is refused, and invisible."""
    connection, name = topic
    group, plain = unique("group"), await KafkaSink.connect(connection)
    zombie = await owner(connection, plain, group)
    await zombie.publish([Outgoing(name, b"ada", b"1", source=P0), Outgoing(name, b"bob", b"1", source=P1)])
    successor = await owner(connection, plain, group)
    with pytest.raises(FencedError):
        await zombie.publish([Outgoing(name, b"ada", b"old", source=P0)])
    await successor.publish([Outgoing(name, b"ada", b"2", source=P0)])
    async with reader(connection, name, start="earliest") as consumer:
        read = [(await consumer.getone()).value for _ in range(3)]
    assert sorted(read) == [b"1", b"1", b"2"]
    for sink in (zombie, successor, plain):
        await sink.close()


async def test_only_assigned_partitions_may_be_published_for(topic, unique) -> None:
    """Messages of a partition that went to another worker are refused before anything is sent."""
    connection, name = topic
    plain = await KafkaSink.connect(connection)
    sink = TransactionalSink(connection, unique("group"), plain)
    await sink.assign([P0])
    with pytest.raises(FencedError, match="user-events-1"):
        await sink.publish([Outgoing(name, b"bob", b"1", source=P1)])
    await sink.close()
    await plain.close()


@pytest.mark.parametrize("length", [LARGEST_MESSAGE + 1, LARGEST_MESSAGE - 100_000], ids=["for us", "for the broker"])
async def test_an_update_that_is_too_large_is_an_error(topic, unique, length: int) -> None:
    """It is not tried for ever: the worker ends, and says what to change."""
    connection, name = topic
    plain = await KafkaSink.connect(connection)
    sink = await owner(connection, plain, unique("group"))
    with pytest.raises(ConfigurationError, match=r"max\.message\.bytes"):
        await sink.publish([Outgoing(name, b"ada", bytes(length), source=P0)])
    await sink.close()
    await plain.close()
