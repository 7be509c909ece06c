"""Publishing to real brokers: all of it is safe when the call returns, and a broker that is gone says so."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from profilestream.deploy.local.ports import free_port
from profilestream.deploy.local.process import ServerProcess, start_on_free_ports
from profilestream.deploy.local.tansu import tansu
from profilestream.deploy.topics import Topic, ensure_topics
from profilestream.inference.retry import until_available
from profilestream.schemas.errors import BrokerUnavailableError, ConfigurationError
from profilestream.stream.engine.ports import Outgoing
from profilestream.stream.kafka.connection import KafkaConnection
from profilestream.stream.kafka.sink import LARGEST_MESSAGE, KafkaSink, start_producer

PARTITIONS = 3


@pytest.fixture
def connection(kafka: str) -> KafkaConnection:
    """To a real broker."""
    return KafkaConnection(bootstrap=kafka)


@pytest.fixture
async def topic(connection: KafkaConnection, unique) -> str:
    """A topic of its own."""
    name = unique("sink")
    await ensure_topics(connection, PARTITIONS, topics=[Topic(name=name)])
    return name


@pytest.fixture
async def sink(connection: KafkaConnection) -> AsyncIterator[KafkaSink]:
    """With whatever the broker can do."""
    sink = await KafkaSink.connect(connection)
    yield sink
    await sink.close()


async def contents(connection: KafkaConnection, topic: str) -> list[ConsumerRecord]:
    """Everything that is in a topic now."""
    consumer = AIOKafkaConsumer(**connection.client_options(), auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        records: list[ConsumerRecord] = []
        async with asyncio.timeout(20):
            while len(records) < sum(ends.values()):
                found = await consumer.getmany(timeout_ms=100)
                records += [record for partition in partitions for record in found.get(partition, [])]
        return records
    finally:
        await consumer.stop()


async def test_everything_is_there_on_return_in_the_order_of_each_key(
    sink: KafkaSink, connection: KafkaConnection, topic: str
) -> None:
    """Calls one after the other and many keys: what a consumer reads of a key is what was published, in order."""
    keys = [f"user{number}".encode() for number in range(20)]
    for call in range(5):
        await sink.publish(
            [Outgoing(topic, key, b"%d.%d" % (call, step), (("k", b"v"),)) for step in range(10) for key in keys]
        )
    found = await contents(connection, topic)
    assert len(found) == 5 * 10 * 20
    expected = [b"%d.%d" % (call, step) for call in range(5) for step in range(10)]
    for key in keys:
        assert [record.value for record in found if record.key == key] == expected
    assert all(record.headers == (("k", b"v"),) for record in found)
    assert len({record.partition for record in found}) > 1


async def test_nothing_to_publish_is_published(sink: KafkaSink) -> None:
    """A batch of skipped events costs no round trip and no error."""
    await sink.publish([])


async def test_messages_may_lack_key_and_value(sink: KafkaSink, connection: KafkaConnection, topic: str) -> None:
    """A dead letter is the message as it was received, tombstones included."""
    await sink.publish([Outgoing(topic, None, b"no key"), Outgoing(topic, b"no value", None)])
    found = {record.key: record.value for record in await contents(connection, topic)}
    assert found == {None: b"no key", b"no value": None}


@pytest.mark.parametrize("length", [LARGEST_MESSAGE + 1, LARGEST_MESSAGE - 100_000], ids=["for us", "for the broker"])
async def test_a_dead_letter_that_is_too_large_goes_without_its_value(
    sink: KafkaSink, connection: KafkaConnection, topic: str, length: int
) -> None:
    """Its headers say where the original is; the messages beside it are published as they are."""
    letter = Outgoing(topic, b"ada", b"x" * length, (("reason", b"text_too_long"),), spare_value=True)
    await sink.publish([Outgoing(topic, b"ada", b"before"), letter, Outgoing(topic, b"bob", b"after")])
    found = {(record.key, record.value or record.headers) for record in await contents(connection, topic)}
    left_out = (b"ada", (("reason", b"text_too_long"), ("value-left-out", b"too large")))
    whole = (b"ada", letter.value)
    # The embedded broker takes messages of any size.
    assert found in [{(b"ada", b"before"), (b"bob", b"after"), it} for it in (left_out, whole)]
    if length > LARGEST_MESSAGE:
        assert left_out in found


async def test_no_other_message_goes_without_its_value(
    sink: KafkaSink, connection: KafkaConnection, topic: str
) -> None:
    """An update without its value would mean that the profile is gone: it is an error, and says what to change."""
    large = Outgoing(topic, b"ada", b"x" * (LARGEST_MESSAGE + 1))
    with pytest.raises(ConfigurationError, match=rf"{topic} .*max\.message\.bytes"):
        await sink.publish([large])
    await sink.publish([Outgoing(topic, b"bob", b"after")])
    assert [(record.key, record.value) for record in await contents(connection, topic)] == [(b"bob", b"after")]


@pytest.mark.parametrize("idempotent", [None, True, False])
async def test_nobody_there_is_said_at_once(idempotent: bool | None) -> None:
    """With the address, and what to do about it; no half-open producer stays behind."""
    address = f"127.0.0.1:{free_port()}"
    async with asyncio.timeout(15):
        with pytest.raises(
            BrokerUnavailableError, match=rf"{address}.*\n?.*profilestream up.*PROFILESTREAM_KAFKA"
        ) as error:
            await KafkaSink.connect(KafkaConnection(bootstrap=address), idempotent=idempotent)
    assert len(str(error.value).splitlines()) <= 2


async def test_idempotence_is_used_where_the_broker_has_it(
    connection: KafkaConnection, topic: str, request: pytest.FixtureRequest
) -> None:
    """Apache Kafka recognises messages that are sent twice; the embedded broker cannot, and works all the same."""
    embedded = "tansu" in request.node.callspec.id
    producer = await start_producer(connection)
    try:
        assert (producer._txn_manager is None) == embedded
        await producer.send_and_wait(topic, b"x")
    finally:
        await producer.stop()


async def test_asking_for_idempotence_that_is_not_there_is_an_error(
    connection: KafkaConnection, request: pytest.FixtureRequest
) -> None:
    """Who insists is told what to change, not given less."""
    if "tansu" not in request.node.callspec.id:
        pytest.skip("Apache Kafka has it")
    with pytest.raises(ConfigurationError, match="kafka_idempotent"):
        await start_producer(connection, idempotent=True)


async def test_a_topic_that_takes_nothing_is_unavailable_in_time(
    connection: KafkaConnection, unique, request: pytest.FixtureRequest
) -> None:
    """A topic that does not exist costs one timeout, and can be tried again: then it may be there."""
    if "tansu" in request.node.callspec.id:
        pytest.skip("the embedded broker makes topics that are written to")
    sink, missing = await KafkaSink.connect(connection, within=0.5), unique("missing")
    with pytest.raises(BrokerUnavailableError):
        await sink.publish([Outgoing(missing, b"a", b"b")])
    await sink.close()


async def test_after_a_refusal_it_goes_on(sink: KafkaSink, connection: KafkaConnection, topic: str) -> None:
    """A message that the broker refuses leaves no hole in which all later ones of its partition are lost."""
    for step in range(3):
        large = Outgoing(topic, b"ada", bytes(LARGEST_MESSAGE - 100_000), spare_value=True)
        await sink.publish([large, *[Outgoing(topic, b"ada", b"%d.%d" % (step, small)) for small in range(3)]])
    small = [record.value for record in await contents(connection, topic) if len(record.value or b"large") == 3]
    assert small == [b"%d.%d" % (step, small) for step in range(3) for small in range(3)]


async def test_a_broker_that_hangs_costs_one_timeout(tmp_path: Path) -> None:
    """It is told in time; the same sink works when the broker answers again, and closes when it does not."""
    async with own_tansu(tmp_path) as server:
        connection = KafkaConnection(bootstrap=server.address)
        await ensure_topics(connection, PARTITIONS, topics=[Topic(name="updates")])
        sink = await KafkaSink.connect(connection, within=0.5)
        with frozen(server), pytest.raises(BrokerUnavailableError):
            await sink.publish([Outgoing("updates", b"ada", b"first")])
        async with asyncio.timeout(60):
            await until_available(lambda: sink.publish([Outgoing("updates", b"ada", b"again")]), "broker")
        assert (await contents(connection, "updates"))[-1].value == b"again"
        with frozen(server):
            async with asyncio.timeout(30):
                with pytest.raises(BrokerUnavailableError):
                    await sink.publish([Outgoing("updates", b"ada", b"lost")])
                await sink.close()


@asynccontextmanager
async def own_tansu(folder: Path) -> AsyncIterator[ServerProcess]:
    """A broker that no other test needs."""
    server = await start_on_free_ports(tansu, folder)
    try:
        yield server
    finally:
        await server.stop()


@contextmanager
def frozen(server: ServerProcess) -> Iterator[None]:
    """The server stands still: connections stay open, and nothing is answered."""
    processes = psutil.Process(server.pid).children(recursive=True)
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()
