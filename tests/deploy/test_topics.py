"""The engine's topics on real brokers: created once, checked afterwards."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from confluent_kafka import Consumer, TopicPartition

from profilestream.deploy.topics import TOPICS, Topic, ensure_topics
from profilestream.schemas.errors import BrokerUnavailableError, ConfigurationError
from profilestream.stream.kafka.connection import KafkaConnection

PARTITIONS = 6  # the default: other tests on the same broker make the same topics
COMPACT = {"cleanup.policy": "compact"}


@pytest.fixture
def connection(kafka: str) -> KafkaConnection:
    """A real broker."""
    return KafkaConnection(bootstrap=kafka)


@asynccontextmanager
async def admin(connection: KafkaConnection) -> AsyncIterator[AIOKafkaAdminClient]:
    """A client as an operator would use it."""
    client = AIOKafkaAdminClient(**connection.client_options())
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def test_all_topics_are_there_afterwards(connection: KafkaConnection) -> None:
    """The engine's own topics exist, user-keyed ones with the wanted partitions; a second time changes nothing."""
    for _ in range(2):
        await ensure_topics(connection, PARTITIONS)
    async with admin(connection) as client:
        described = await client.describe_topics([topic.name for topic in TOPICS])
    counts = {topic["topic"]: len(topic["partitions"]) for topic in described}
    assert counts == {topic.name: topic.partitions or PARTITIONS for topic in TOPICS}


async def test_leaders_answer_at_once(connection: KafkaConnection, unique: Callable[[str], str]) -> None:
    """Whoever reads a new topic needs no patience: Kafka names leaders some milliseconds before they know it."""
    consumer = Consumer({"bootstrap.servers": connection.bootstrap, "group.id": unique("ends")})
    try:
        for topic in [unique("events") for _ in range(5)]:
            await ensure_topics(connection, 8, topics=[Topic(name=topic)])
            ends = [consumer.get_watermark_offsets(TopicPartition(topic, number), 10) for number in range(8)]
            assert ends == [(0, 0)] * 8
    finally:
        consumer.close()


async def test_other_number_of_partitions_is_told(connection: KafkaConnection, unique: Callable[[str], str]) -> None:
    """A topic with other partitions would move users: an error names it, both numbers and the setting."""
    topics = [Topic(name=unique("events"))]
    await ensure_topics(connection, 2, topics=topics)
    with pytest.raises(ConfigurationError, match=f"{topics[0].name} has 2 partitions, not 4.*\n.*PARTITIONS=2"):
        await ensure_topics(connection, 4, topics=topics)


async def test_broker_that_is_not_there() -> None:
    """No broker: an error of two lines at most that says where, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        bootstrap = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(BrokerUnavailableError, match=f"no Kafka broker answers at {bootstrap}.*profilestream up"):
        await ensure_topics(KafkaConnection(bootstrap=bootstrap), 1)


async def test_broker_that_never_answers() -> None:
    """Something listens there and says nothing: given up at the deadline."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        bootstrap = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(BrokerUnavailableError):
            await ensure_topics(KafkaConnection(bootstrap=bootstrap), 1, deadline=1.0)


@pytest.mark.parametrize("kafka", ["apache_kafka"], indirect=True)
async def test_other_policy_is_told(connection: KafkaConnection, unique: Callable[[str], str]) -> None:
    """profile-updates that Kafka would delete instead of compact: an error with the command that repairs it."""
    name = unique("updates")
    await ensure_topics(connection, 1, topics=[Topic(name=name)])
    with pytest.raises(ConfigurationError, match=f"{name} has cleanup.policy=delete, not compact") as caught:
        await ensure_topics(connection, 1, topics=[Topic(name=name, settings=COMPACT)])
    assert f"kafka-configs.sh --alter --entity-type topics --entity-name {name}" in str(caught.value)


@pytest.mark.parametrize("kafka", ["apache_kafka"], indirect=True)
async def test_settings_reach_the_broker(connection: KafkaConnection, unique: Callable[[str], str]) -> None:
    """A topic's settings are Kafka's, not only ours."""
    name = unique("updates")
    await ensure_topics(connection, 1, topics=[Topic(name=name, settings=COMPACT)])
    async with admin(connection) as client:
        (answer,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name, COMPACT)])
    assert answer.resources[0][4][0][:2] == ("cleanup.policy", "compact")


@pytest.mark.parametrize("kafka", ["apache_kafka"], indirect=True)
async def test_impossible_replication_is_told(connection: KafkaConnection, unique: Callable[[str], str]) -> None:
    """More replicas than brokers: Kafka's own reason, and the topic's name."""
    name = unique("events")
    with pytest.raises(ConfigurationError, match=f"refuses to create the topic {name}: .*[Rr]eplication factor"):
        await ensure_topics(connection, 1, 3, topics=[Topic(name=name)])
