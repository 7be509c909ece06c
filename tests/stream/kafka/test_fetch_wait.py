"""A short wait of fetches hides nothing, on real brokers."""

import asyncio

from aiokafka import AIOKafkaProducer

from profilestream.deploy.topics import Topic, ensure_topics
from profilestream.stream.kafka.connection import KafkaConnection
from profilestream.stream.kafka.reader import reader

BATCHES = 8000  # the embedded broker goes through some 1,000 in the shortest wait
AT_A_TIME = 500


async def write_one_by_one(connection: KafkaConnection, topic: str) -> None:
    """Each message in a batch of its own."""
    async with AIOKafkaProducer(**connection.client_options()) as producer:
        for _ in range(BATCHES // AT_A_TIME):
            sent = []
            for _ in range(AT_A_TIME):
                batch = producer.create_batch()
                batch.append(key=None, value=b"old", timestamp=None)
                sent.append(await producer.send_batch(batch, topic, partition=0))
            await asyncio.gather(*sent)
        await producer.send_and_wait(topic, b"last", partition=0)


async def test_the_last_of_many_small_batches_is_read(kafka: str, unique) -> None:
    """A worker would stand still for ever, with the broker saying that there is nothing more."""
    connection, topic = KafkaConnection(bootstrap=kafka), unique("small")
    await ensure_topics(connection, 1, topics=[Topic(name=topic)])
    values: list[bytes] = []
    async with reader(connection, topic, start="earliest", most_wait=0.001) as consumer:
        await write_one_by_one(connection, topic)
        async with asyncio.timeout(60):
            while b"last" not in values:
                values.append((await consumer.getone()).value)
    assert len(values) == BATCHES + 1
