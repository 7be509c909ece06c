"""Reading a topic from outside the consumer group: for people, tools and whoever only follows."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Literal

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError

from ...schemas.errors import BrokerUnavailableError
from .connection import KafkaConnection
from .fetch_wait import LONGEST_WAIT, FetchWait


@asynccontextmanager
async def reader(
    connection: KafkaConnection, *topics: str, start: Literal["earliest", "latest"], most_wait: float = LONGEST_WAIT
) -> AsyncIterator[AIOKafkaConsumer]:
    """A started consumer without a group, that stands at the beginning or the end of every partition.

    Args:
        connection: Where Kafka is.
        topics: What to read.
        start: `latest` stands still behind what is there *now*: what is written after entering is seen.
        most_wait: Seconds that a broker may keep a fetch waiting. The embedded one does not answer when something
            comes: it looks again after half of the wait that is left.

    Raises:
        BrokerUnavailableError: Kafka does not answer.
    """
    consumer = AIOKafkaConsumer(
        *topics,
        **connection.client_options(),
        group_id=None,
        auto_offset_reset=start,
        enable_auto_commit=False,
        fetch_max_wait_ms=round(1000 * most_wait),
        isolation_level="read_committed",
    )
    try:
        await consumer.start()
        for partition in consumer.assignment():
            await consumer.position(partition)
        FetchWait(consumer, most_wait)
    except (KafkaError, OSError) as error:
        await consumer.stop()
        raise BrokerUnavailableError(
            f"no Kafka broker answers at {connection.bootstrap} ({error}). "
            "Start one (`profilestream up`), or set PROFILESTREAM_KAFKA_BOOTSTRAP."
        ) from error
    try:
        yield consumer
    finally:
        await consumer.stop()


async def follow(
    connection: KafkaConnection,
    *topics: str,
    start: Literal["earliest", "latest"],
    ready: Callable[[], None] = lambda: None,
) -> AsyncIterator[ConsumerRecord]:
    """Every message of the topics, for ever. `ready` is called when nothing that is written from now on is missed."""
    async with reader(connection, *topics, start=start) as consumer:
        ready()
        async for record in consumer:
            yield record
