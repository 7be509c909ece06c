"""An independent reader of updates that costs next to nothing: it looks at the first fields of each and no more."""

import asyncio
import time
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer

from ...schemas.avro_bytes import read_long
from ...schemas.errors import SetupError
from ...stream.kafka.connection import KafkaConnection
from ...stream.kafka.reader import reader

_FETCH_WAIT = 0.1  # seconds: more fetches of the embedded broker would take time from the engine
STALLED = 60.0  # seconds without any update after which the rest counts as lost

_HEADER = 10  # bytes of Avro's single-object header


class Tally:
    """Follows a topic of updates.

    Args:
        connection: Where Kafka is.
        topic: Of updates.

    Attributes:
        ready: Set when nothing that is written from now on is missed.
        updates: How many were read.
        bytes: Of their values.
        last: The latest update of each user, as it was read.
    """

    def __init__(self, connection: KafkaConnection, topic: str) -> None:
        self._connection = connection
        self._topic = topic
        self._consumer: AIOKafkaConsumer | None = None
        self._moved = asyncio.Event()
        self._waiting: dict[bytes, int] = {}
        self._covered: dict[bytes, int] = {}
        self.ready = asyncio.Event()
        self.updates = 0
        self.bytes = 0
        self.last: dict[bytes, bytes] = {}

    async def run(self) -> None:
        """Until it is cancelled."""
        async with reader(self._connection, self._topic, start="latest", most_wait=_FETCH_WAIT) as consumer:
            self._consumer = consumer
            self.ready.set()
            while True:
                await self._take(consumer)

    def rest(self) -> None:
        """Read no more: for who reads the updates otherwise."""
        if self._consumer:
            self._consumer.pause(*self._consumer.assignment())

    async def until(self, expected: Mapping[bytes, int]) -> float:
        """Wait until every user's update covers the offset.

        Returns:
            When the last one was seen, by `time.perf_counter`.

        Raises:
            SetupError: Nothing came for long: how many are missing.
        """
        self._waiting = {user: offset for user, offset in expected.items() if self._covered.get(user, -1) < offset}
        while self._waiting:
            self._moved.clear()
            try:
                async with asyncio.timeout(STALLED):
                    await self._moved.wait()
            except TimeoutError:
                raise SetupError(f"no update came for {STALLED:.0f} s: {len(self._waiting)} users wait") from None
        return time.perf_counter()

    async def _take(self, consumer: AIOKafkaConsumer) -> None:
        batches = await consumer.getmany(timeout_ms=1000)
        for records in batches.values():
            for record in records:
                self._saw(record.key, record.value)
        if batches:
            self._moved.set()

    def _saw(self, user: bytes, value: bytes) -> None:
        offset = covered(value)
        self.updates += 1
        self.bytes += len(value)
        self.last[user] = value
        if offset > self._covered.get(user, -1):
            self._covered[user] = offset
            if self._waiting.get(user, offset + 1) <= offset:
                del self._waiting[user]


def covered(update: bytes) -> int:
    """The field `offset` of an encoded profile update, by the order of the fields in its schema (Avro 1.12, binary)."""
    at = _HEADER
    for kind in ("string", "long", "string", "string", "long"):  # user, revision, model_version, topic, partition
        number, at = read_long(update, at)
        at += number if kind == "string" else 0
    return read_long(update, at)[0]
