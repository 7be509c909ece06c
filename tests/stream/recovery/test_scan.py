"""Reading topics to their end, on real brokers."""

import time

import pytest
from aiokafka import AIOKafkaProducer

from profilestream.deploy.local.ports import free_port
from profilestream.schemas.errors import BrokerUnavailableError, ConfigurationError
from profilestream.stream.engine.ports import Partition
from profilestream.stream.kafka.connection import KafkaConnection
from profilestream.stream.recovery.scan import Scanner, scanner
from tests.stream.worker.place import PARTITIONS, Place


def messages(first: int, count: int) -> list[tuple[bytes, bytes]]:
    """Messages of many keys."""
    return [(b"k%d" % number, b"v%d" % number) for number in range(first, first + count)]


async def everything(scan: Scanner, topic: str) -> list[bytes]:
    """All values of a topic."""
    return [
        record.value
        for partition, span in (await scan.spans(topic)).items()
        async for records in scan.read(partition, span)
        for record in records
    ]


async def test_all_that_is_there_is_read(place: Place) -> None:
    """Up to the last message, whose end the embedded broker reports too low; and then it ends."""
    topic = place.options.events
    await place.send_raw(*messages(0, 40))
    await place.send_raw(*messages(40, 37))
    async with scanner(place.connection) as scan:
        assert sorted(await everything(scan, topic)) == sorted(value for _, value in messages(0, 77))
        spans = await scan.spans(topic)
        assert sum(span.length for span in spans.values()) == 77
        assert await everything(scan, place.options.outputs.updates) == []


async def test_a_part_is_read(place: Place) -> None:
    """Only the offsets that were asked for."""
    await place.send_raw(*[(b"same", b"v%d" % number) for number in range(20)])
    async with scanner(place.connection) as scan:
        (partition, span), *_ = [(p, s) for p, s in (await scan.spans(place.options.events)).items() if s.length]
        batches = [records async for records in scan.read(partition, span._replace(first=5, end=9))]
    assert [record.offset for records in batches for record in records] == [5, 6, 7, 8]


async def test_offsets_of_a_time(place: Place) -> None:
    """From the first message that is not older; the end where there is none."""
    topic = place.options.events
    await place.send_raw(*[(b"same", b"old")] * 3)
    moment = time.time_ns() // 1_000_000 + 1
    while time.time_ns() // 1_000_000 < moment:
        pass
    await place.send_raw(*[(b"same", b"new")] * 2)
    async with scanner(place.connection) as scan:
        spans = await scan.spans(topic)
        (used,) = [partition for partition, span in spans.items() if span.length]
        assert (await scan.offsets_at(spans, 0))[used] == 0
        assert (await scan.offsets_at(spans, moment))[used] == 3
        assert (await scan.offsets_at(spans, moment + 3_600_000))[used] == 5


async def test_what_a_group_committed(place: Place) -> None:
    """Nothing before its first commit."""
    async with scanner(place.connection) as scan:
        partitions = [Partition(place.options.events, number) for number in range(PARTITIONS)]
        assert await scan.committed(place.options.group, partitions) == {}


@pytest.mark.parametrize("kafka", ["apache_kafka"], indirect=True)
async def test_aborted_transactions_are_not_read(place: Place, unique) -> None:
    """Nor waited for: markers at the end of a partition are no messages."""
    topic = place.options.events
    producer = AIOKafkaProducer(**place.connection.client_options(), transactional_id=unique("id"))
    await producer.start()
    async with producer.transaction():
        await producer.send(topic, b"good", key=b"k")
    await producer.begin_transaction()
    await producer.send_and_wait(topic, b"aborted", key=b"k")
    await producer.abort_transaction()
    await producer.stop()
    async with scanner(place.connection) as scan:
        assert await everything(scan, topic) == [b"good"]


async def test_a_topic_that_is_not_there(place: Place, unique) -> None:
    """It is named, and not made by asking for it."""
    name = unique("absent")
    async with scanner(place.connection) as scan:
        for _ in range(2):
            with pytest.raises(ConfigurationError, match=f"no topic {name}"):
                await scan.spans(name)


async def test_no_broker() -> None:
    """Said in one line, with what to do."""
    with pytest.raises(BrokerUnavailableError, match="profilestream up"):
        async with scanner(KafkaConnection(bootstrap=f"127.0.0.1:{free_port()}")):
            pass
