"""What is in a topic now: read to its end from outside the consumer group."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError

from ...schemas.errors import BrokerUnavailableError, ConfigurationError
from ..engine.ports import Partition
from ..kafka.connection import KafkaConnection

_BATCH = 1000
_STALLED = 30.0  # seconds without an answer, after which the broker counts as gone

_PAUSE = 0.2
_STOP_SECONDS = 2.0


class Span(NamedTuple):
    """Offsets of a partition: the first that is there, and the one that the next message gets."""

    first: int
    end: int

    @property
    def length(self) -> int:
        """How many offsets lie between; compaction and transactions leave fewer messages."""
        return self.end - self.first


class Scanner:
    """Reads topics piece by piece; only messages of committed transactions. One `read` at a time.

    Args:
        consumer: Started, without a group or topics.
        admin: Started.
    """

    def __init__(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        self._consumer = consumer
        self._admin = admin

    async def spans(self, topic: str) -> dict[Partition, Span]:
        """What each partition of a topic holds now.

        Raises:
            ConfigurationError: There is no such topic.
        """
        partitions = [TopicPartition(topic, number) for number in await self._partitions(topic)]
        firsts = await self._consumer.beginning_offsets(partitions)
        ends = await self._ends(partitions, firsts)
        return {Partition(topic, tp.partition): Span(firsts[tp], max(firsts[tp], ends[tp])) for tp in partitions}

    async def offsets_at(self, spans: Mapping[Partition, Span], moment: int) -> dict[Partition, int]:
        """The first offset of each partition whose message is not older than `moment` (ms); its end where none is."""
        found = await self._consumer.offsets_for_times({TopicPartition(*p): moment for p in spans})
        return {
            # The embedded broker answers with a time of -1 where Kafka answers with nothing.
            partition: at.offset if (at := found.get(TopicPartition(*partition))) and at.timestamp >= 0 else span.end
            for partition, span in spans.items()
        }

    async def committed(self, group: str, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """What a consumer group has committed; only partitions where it has."""
        asked = [TopicPartition(*partition) for partition in partitions]
        found = await self._offsets(group, asked)
        return {Partition(tp.topic, tp.partition): at.offset for tp, at in found.items() if at.offset >= 0}

    async def read(self, partition: Partition, span: Span) -> AsyncIterator[list[ConsumerRecord]]:
        """The messages at the offsets of a span, in order, some hundreds at a time.

        Raises:
            BrokerUnavailableError: Nothing came for long.
        """
        if span.length <= 0:
            return
        tp = TopicPartition(*partition)
        self._consumer.assign([tp])
        self._consumer.seek(tp, span.first)
        heard = time.monotonic()
        while await self._consumer.position(tp) < span.end:
            found = await self._consumer.getmany(tp, timeout_ms=500, max_records=_BATCH)
            records = [record for record in found.get(tp, ()) if record.offset < span.end]
            if records:
                heard = time.monotonic()
                yield records
            elif time.monotonic() - heard > _STALLED:
                raise BrokerUnavailableError(f"{partition}: nothing came for {_STALLED:.0f} s, stopped reading it")

    async def _offsets(self, group: str, partitions: list[TopicPartition]) -> dict[TopicPartition, Any]:
        async with asyncio.timeout(_STALLED):
            while True:
                try:
                    # Without a list of partitions, the embedded broker's answer cannot be read.
                    found: dict[TopicPartition, Any] = await self._admin.list_consumer_group_offsets(
                        group, partitions=partitions
                    )
                except GroupCoordinatorNotAvailableError:  # a new Kafka makes its topic of offsets when first asked
                    await asyncio.sleep(_PAUSE)
                else:
                    return found

    async def _partitions(self, topic: str) -> list[int]:
        if topic not in await self._admin.list_topics():
            raise ConfigurationError(f"there is no topic {topic}: `profilestream up` makes it, or it has another name")
        (described,) = await self._admin.describe_topics([topic])
        return sorted(partition["partition"] for partition in described["partitions"])

    async def _ends(
        self, partitions: list[TopicPartition], firsts: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """What a fetch says: the embedded broker tells the start of the last batch for the end of the log."""
        reported: dict[TopicPartition, int] = await self._consumer.end_offsets(partitions)
        self._consumer.assign(partitions)
        for tp in partitions:
            self._consumer.seek(tp, max(firsts[tp], reported[tp] - 1))
        async with asyncio.timeout(_STALLED):
            while any(self._consumer.last_stable_offset(tp) is None for tp in partitions):
                await self._consumer.getmany(timeout_ms=100)
        return {tp: max(reported[tp], self._consumer.last_stable_offset(tp)) for tp in partitions}


@asynccontextmanager
async def scanner(connection: KafkaConnection) -> AsyncIterator[Scanner]:
    """A scanner, for as long as the block runs.

    Raises:
        BrokerUnavailableError: Kafka does not answer, now or within the block.
    """
    options = connection.client_options()
    consumer = AIOKafkaConsumer(
        **options,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=100,
    )
    admin = AIOKafkaAdminClient(**options)
    with _translated(connection):
        try:
            await consumer.start()
            await admin.start()
            yield Scanner(consumer, admin)
        finally:
            await _stop(consumer)
            await admin.close()


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Stop in bounded time: while partitions are being assigned, aiokafka's fetcher misses that it is cancelled."""
    stopping = asyncio.ensure_future(consumer.stop())
    while not stopping.done():
        await asyncio.wait({stopping}, timeout=_STOP_SECONDS)
        stopping.cancel()  # reaches the fetcher that `stop` waits for


@contextmanager
def _translated(connection: KafkaConnection) -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailableError(
            f"no Kafka broker answers at {connection.bootstrap} ({error!r}). "
            "Start one (`profilestream up`), or set PROFILESTREAM_KAFKA_BOOTSTRAP."
        ) from error
