"""Reading what the API follows: one consumer a topic, for all clients."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from ...inference.retry import until_available
from ...schemas.errors import BadRecordError, UnavailableError
from ...schemas.events import ProfileUpdate
from ...schemas.wire import Wire
from ..kafka.connection import KafkaConnection
from ..kafka.reader import reader
from .feed import Feed

_MOST = 1000  # messages at a time
_WAIT_MS = 500
_PAUSE = 0.1  # seconds, in which a user's next updates come to take the place of this one
_AGAIN = 2.0  # seconds between attempts

Record = TypeVar("Record")

log = structlog.get_logger(__name__)


async def follow_updates(connection: KafkaConnection, topic: str, wire: Wire, feed: Feed) -> None:
    """Feed all profile-updates from the beginning on; ends when it is cancelled."""
    await _for_ever(partial(_follow_updates, connection, topic, wire, feed), topic)


async def follow_topic(
    connection: KafkaConnection,
    topic: str,
    wire: Wire,
    kind: type[Record],
    take: Callable[[Record], Awaitable[None]],
    caught_up: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """All records of a topic with few, from the beginning on; ends when it is cancelled.

    Args:
        connection: Where Kafka is.
        topic: What to read.
        wire: How it is written.
        kind: Of the records.
        take: Told of each.
        caught_up: Called once, when all that were there at the start are told.
    """

    async def follow() -> None:
        told = False
        async with reader(connection, topic, start="earliest") as consumer:
            async for records, current in _batches(consumer):
                await until_available(partial(wire.prepare, [record.value for record in records]), "schema registry")
                for record in records:
                    if (decoded := _decoded(wire, kind, record)) is not None:
                        await take(decoded)
                if current and not told:
                    told = True
                    await caught_up() if caught_up else None

    await _for_ever(follow, topic)


async def _follow_updates(connection: KafkaConnection, topic: str, wire: Wire, feed: Feed) -> None:
    async with reader(connection, topic, start="earliest") as consumer:
        async for found, current in _batches(consumer):
            # Only what each user's profile came to be: the topic is compacted, whoever reads it late sees no more.
            records = list({record.key: record for record in found}.values())
            await until_available(partial(wire.prepare, [record.value for record in records]), "schema registry")
            for record in records:
                if record.value is None and record.key:
                    feed.forget(record.key.decode(errors="replace"))
            await feed.take([update for record in records if (update := _decoded(wire, ProfileUpdate, record))])
            if current and not feed.caught_up.is_set():
                feed.caught_up.set()
                log.info("index is complete")
            await asyncio.sleep(_PAUSE)


async def _batches(consumer: AIOKafkaConsumer) -> AsyncIterator[tuple[list[ConsumerRecord], bool]]:
    """Messages as they come, and whether all that were there at the start have come."""
    ends: Mapping[TopicPartition, int] = await consumer.end_offsets(list(consumer.assignment()))
    current = False
    while True:
        found = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=_MOST)
        records = [record for batch in found.values() for record in batch]
        # The embedded broker tells the start of the last batch for the end of the log: an empty answer says it surely.
        current = current or not records or all([await consumer.position(tp) >= end for tp, end in ends.items()])
        yield records, current


def _decoded(wire: Wire, kind: type[Record], record: ConsumerRecord) -> Record | None:
    if record.value is None:
        return None
    try:
        return wire.decode(kind, record.value)
    except BadRecordError as error:
        log.warning("message left out", topic=record.topic, offset=record.offset, error=str(error))
        return None


async def _for_ever(follow: Callable[[], Awaitable[None]], topic: str) -> None:
    while True:
        try:
            await follow()
        except UnavailableError as error:
            log.warning("cannot read, trying again", topic=topic, error=str(error))
        await asyncio.sleep(_AGAIN)
