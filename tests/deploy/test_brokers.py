"""Both local brokers do what the engine needs of Kafka."""

import socket
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from profilestream.deploy.local import tansu
from profilestream.deploy.local.kafka import kafka as apache_kafka
from profilestream.deploy.local.kafka import supported
from profilestream.deploy.local.ports import PortTakenError
from profilestream.deploy.local.process import ServerProcess
from profilestream.deploy.topics import Topic, ensure_topics
from profilestream.stream.kafka.connection import KafkaConnection

Unique = Callable[[str], str]


async def topic(bootstrap: str, name: str, partitions: int = 1) -> str:
    """A new topic."""
    await ensure_topics(KafkaConnection(bootstrap=bootstrap), partitions, topics=[Topic(name=name)])
    return name


async def produce(bootstrap: str, name: str, values: list[bytes], **options: object) -> None:
    """Send each value with itself as the key, and wait until all are acknowledged."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, **options) as producer:
        for value in values:
            await producer.send_and_wait(name, value, key=value)


async def consume(
    bootstrap: str, name: str, count: int, group: str | None = None, *, commit: bool = False
) -> list[bytes]:
    """The next messages of a topic."""
    async with AIOKafkaConsumer(
        name,
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        rebalance_timeout_ms=1000,
        session_timeout_ms=6000,
        heartbeat_interval_ms=300,
    ) as consumer:
        records = [await anext(consumer) for _ in range(count)]
        if commit:
            await consumer.commit()
        return [record.value for record in records]


async def test_what_is_produced_is_consumed(kafka: str, unique: Unique) -> None:
    """Messages come back whole and in order."""
    name = await topic(kafka, unique("events"))
    values = [b"%d" % number for number in range(100)]
    await produce(kafka, name, values)
    assert await consume(kafka, name, 100) == values


async def test_group_goes_on_where_it_committed(kafka: str, unique: Unique) -> None:
    """A consumer that takes over starts behind the committed offset, at the first message that nobody finished."""
    name, group = await topic(kafka, unique("events")), unique("group")
    values = [b"%d" % number for number in range(6)]
    await produce(kafka, name, values)
    assert await consume(kafka, name, 4, group, commit=True) == values[:4]
    assert await consume(kafka, name, 2, group) == values[4:]


async def test_key_decides_the_partition(kafka: str, unique: Unique) -> None:
    """All messages of a key are in one partition, and keys are spread over several."""
    name = await topic(kafka, unique("events"), partitions=3)
    keys = [b"%d" % number for number in range(20)]
    await produce(kafka, name, keys + keys)
    async with AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(name, number) for number in range(3)])
        records = [await anext(consumer) for _ in range(40)]
    places = {record.key: {other.partition for other in records if other.key == record.key} for record in records}
    assert {len(partitions) for partitions in places.values()} == {1}
    assert set().union(*places.values()) == {0, 1, 2}


async def test_apache_kafka_keeps_its_data(kafka_home: Path, tmp_path: Path, unique: Unique) -> None:
    """Started again, on other ports, it has what was written; and idempotent producers work on it."""
    name = unique("events")
    for start in range(2):
        process = ServerProcess(apache_kafka(kafka_home, tmp_path), tmp_path)
        await process.start()
        try:
            if start == 0:
                await topic(process.address, name)
                await produce(process.address, name, [b"kept"], enable_idempotence=True)
            assert await consume(process.address, name, 1) == [b"kept"]
        finally:
            await process.stop()


async def test_only_this_machine_can_connect(tmp_path: Path) -> None:
    """The embedded broker listens on loopback and nowhere else: it asks for no password."""
    if reason := tansu.supported():
        pytest.skip(reason)
    process = ServerProcess(tansu.tansu(), tmp_path)
    await process.start()
    (server,) = psutil.Process(process.pid).children()
    listening = [c.laddr.ip for c in server.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    await process.stop()
    assert listening == ["127.0.0.1"]


async def test_broker_on_a_taken_port_says_so(tmp_path: Path) -> None:
    """Tansu ends with status 0 when its port is taken; that is still a failed start with a reason."""
    if reason := tansu.supported():
        pytest.skip(reason)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = ServerProcess(tansu.tansu(port), tmp_path)
        with pytest.raises(PortTakenError, match=f"Port {port} .* in use"):
            await process.start()


def test_folder_that_is_no_kafka_is_told(tmp_path: Path) -> None:
    """A wrong Kafka folder is named, with what it lacks."""
    assert f"{tmp_path} is not a Kafka folder" in str(supported(tmp_path))
