"""Loads reach the broker whole, and what is said of their offsets is so."""

from collections.abc import Callable

from profilestream.deploy.bench.load import clicks, messages, pack, send
from profilestream.deploy.topics import Topic, ensure_topics
from profilestream.schemas.codec import decode_event
from profilestream.stream.kafka.connection import KafkaConnection
from profilestream.stream.kafka.reader import reader
from profilestream.stream.kafka.sink import start_producer

PARTITIONS = 3


async def test_all_of_a_load_arrives_and_offsets_are_as_told(kafka: str, unique: Callable[[str], str]) -> None:
    """Each event is in the partition that Kafka's clients choose for its user; the last offsets are right."""
    connection, topic = KafkaConnection(bootstrap=kafka), unique("loads")
    await ensure_topics(connection, PARTITIONS, topics=(Topic(name=topic),))
    load = clicks("many", 3000, 40)
    producer = await start_producer(connection)
    try:
        told = await send(producer, topic, pack(producer, load, PARTITIONS))
        chosen = await producer.send_and_wait(topic, b"x", key=b"user-1")
    finally:
        await producer.stop()
    last, partitions, values = {}, {}, []
    async with reader(connection, topic, start="earliest") as consumer:
        while len(values) < 3001:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                values += [record.value for record in records]
                last |= {record.key: record.offset for record in records if record.value != b"x"}
                partitions |= {record.key: record.partition for record in records}
    assert told == last
    assert partitions[b"user-1"] == chosen.partition
    assert sorted(values) == sorted([*load.values, b"x"])


def test_ids_of_loads_are_distinct_and_users_take_turns() -> None:
    """The same id twice would count once, and the benchmark would count it twice."""
    one = [decode_event(value) for value in messages("a", ["x", "y", "z"], 2).values]
    two = [decode_event(value) for value in clicks("b", 3, 2, first=3).values]
    assert len({event.id for event in (*one, *two)}) == 6
    assert [event.user for event in (*one, *two)] == ["user-0", "user-1", "user-0", "user-1", "user-0", "user-1"]
    assert [event.text for event in one] == ["x", "y", "z"]
