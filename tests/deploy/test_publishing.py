"""Publishing with the real parts around it: the registry's folder, workers' counts, texts of the live stream."""

import asyncio
from collections.abc import Callable

from profilestream.deploy.publishing import KafkaAnnouncer, live_texts, served
from profilestream.deploy.topics import MODEL_EVENTS, Topic, ensure_topics
from profilestream.inference.hashing import HashEmbedder
from profilestream.inference.pool import EncoderPool
from profilestream.inference.serving import Serving
from profilestream.schemas.codec import encode
from profilestream.schemas.events import ModelEvent
from profilestream.schemas.wire import Wire
from profilestream.stream.engine.engine import Counters
from profilestream.stream.engine.ports import Outgoing
from profilestream.stream.kafka.connection import KafkaConnection
from profilestream.stream.kafka.reader import reader
from profilestream.stream.kafka.sink import KafkaSink
from profilestream.stream.store.redis import RedisStore
from profilestream.stream.worker.status import describe, publish_status
from tests.stream.world import event, small_models


async def test_what_workers_counted_is_added_up(redis_url: str) -> None:
    """The canary is judged by what all workers say."""
    encoder = HashEmbedder()
    pool = EncoderPool.of(encoder)
    await pool(encoder.model).embed(["a", "b"])
    store = RedisStore.connect(redis_url)
    status = describe(Counters(), [], Serving(small_models(encoder)), pool.served)
    await publish_status(store.client, "worker", status)
    await publish_status(store.client, "worker", status, name="other")
    counts = (await served(store))[encoder.model]
    assert (counts.calls, counts.texts, counts.failures) == (2, 4, 0)
    await store.close()


async def test_live_texts_are_redacted_and_bounded(embedded_kafka: str, unique: Callable[[str], str]) -> None:
    """A candidate is shown what users write now, without addresses, and no more than was asked for."""
    connection, topic = KafkaConnection(bootstrap=embedded_kafka), unique("events")
    await ensure_topics(connection, 1, topics=[Topic(name=topic)])
    sink = await KafkaSink.connect(connection)
    texts = live_texts(connection, topic, Wire(), most=40, seconds=60.0)

    async def produce() -> None:
        number = 0
        while True:
            sent = [event(number + n, text=f"write to ann{n}@example.org {number}") for n in range(20)]
            silent = event(number + 20, type="click", text=None)
            values = [*map(encode, [*sent, silent]), b"rubbish"]
            await sink.publish([Outgoing(topic, b"ada", value) for value in values])
            number += 21

    producing = asyncio.create_task(produce())
    found = [text async for batch in texts for text in batch]
    producing.cancel()
    await asyncio.gather(producing, return_exceptions=True)
    await sink.close()
    assert len(found) == 40
    assert all("write to" in text and "@" not in text for text in found)


async def test_a_quiet_stream_is_made_up_for(embedded_kafka: str, unique: Callable[[str], str]) -> None:
    """At night nobody writes: then earlier texts are used, so that there is a verdict."""
    connection, topic = KafkaConnection(bootstrap=embedded_kafka), unique("events")
    await ensure_topics(connection, 1, topics=[Topic(name=topic)])
    spare = [f"text {number}" for number in range(100)]
    texts = live_texts(connection, topic, Wire(), most=50, seconds=0.01, spare=spare)
    assert [text async for batch in texts for text in batch] == spare[:50]


async def test_every_step_is_told_on_the_topic(fresh_kafka: str) -> None:
    """The announcer connects when it has something to say."""
    connection = KafkaConnection(bootstrap=fresh_kafka)
    await ensure_topics(connection, 6, topics=[Topic(name=MODEL_EVENTS, partitions=1)])
    told = ModelEvent(kind="encoder", name="encoder-v2", version=3, location="encoder-v2", sha256="", time=1)
    announcer = KafkaAnnouncer(connection, Wire(), None)
    async with reader(connection, MODEL_EVENTS, start="latest") as consumer:
        await announcer.announce(told)
        record = await consumer.getone()
    await announcer.close()
    assert Wire().decode(ModelEvent, record.value) == told
    assert record.key == b"encoder-v2"
