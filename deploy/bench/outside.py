"""Kafka as somebody outside sees it, through librdkafka, which is C.

A client in Python that sends and reads events one by one takes a tenth of two cores from what is measured.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.util import find_spec
from time import perf_counter
from typing import Any

from ...schemas.errors import SetupError
from ...stream.kafka.connection import KafkaConnection
from .tally import covered

_LINGER_MS = 5  # as Kafka's own producer does since 4.0
_FETCH_WAIT_MS = 20
_TURN_SECONDS = 0.005
_ANSWER_SECONDS = 10.0
_AT_ONCE = 500

Seen = Callable[[bytes, int, float], None]  # user, offset that is covered, when (time.perf_counter)


class Outside:
    """Sends events, and reads updates from where their topic ends now.

    Args:
        connection: Where Kafka is.
        updates: Their topic.

    Attributes:
        listener: Told of each update.
    """

    def __init__(self, connection: KafkaConnection, updates: str) -> None:
        from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: PLC0415 (for developers only)

        # It would complain on the terminal when the stack ends: what matters comes back as an error of a call.
        where = {"bootstrap.servers": connection.bootstrap, "log_level": 0}
        self._producer = Producer({**where, "linger.ms": _LINGER_MS, "acks": "all", "partitioner": "murmur2_random"})
        waits = {"fetch.wait.max.ms": _FETCH_WAIT_MS, "fetch.error.backoff.ms": 1, "fetch.queue.backoff.ms": 1}
        self._consumer = Consumer({**where, **waits, "group.id": "bench", "enable.auto.commit": False})
        numbers = self._consumer.list_topics(updates, _ANSWER_SECONDS).topics[updates].partitions
        ends = [self._consumer.get_watermark_offsets(TopicPartition(updates, number))[1] for number in numbers]
        self._consumer.assign([TopicPartition(updates, *at) for at in zip(numbers, ends, strict=True)])
        self._loop = asyncio.get_running_loop()
        self._over = threading.Event()
        self.listener: Seen | None = None

    def send(self, topic: str, key: bytes, value: bytes, written: Callable[[int], None]) -> None:
        """Begin to; `written` is told the offset, in a `turn`."""

        def answered(error: Any, message: Any) -> None:
            if error:
                raise SetupError(f"the broker did not take an event: {error}")
            written(message.offset())

        self._producer.produce(topic, value, key, on_delivery=answered)

    async def turn(self) -> None:
        """Leave it some milliseconds, and hear what became of what was sent."""
        await asyncio.sleep(_TURN_SECONDS)
        self._producer.poll(0)

    def read(self) -> None:
        """Read until `close`; for a thread."""
        while not self._over.is_set():
            messages = self._consumer.consume(_AT_ONCE, _TURN_SECONDS)
            now = perf_counter()
            taken = [(m.key(), m.value()) for m in messages if not m.error()]
            if found := [(key, covered(value)) for key, value in taken if key and value]:
                self._loop.call_soon_threadsafe(self._tell, found, now)
        self._consumer.close()

    def close(self) -> None:
        """Read no more."""
        self._over.set()

    def _tell(self, found: list[tuple[bytes, int]], now: float) -> None:
        if self.listener:
            for user, offset in found:
                self.listener(user, offset, now)


@asynccontextmanager
async def outside(connection: KafkaConnection, updates: str) -> AsyncIterator[Outside]:
    """One that reads, for as long as the block runs.

    Raises:
        SetupError: librdkafka is not installed.
    """
    if find_spec("confluent_kafka") is None:
        raise SetupError("latency is measured through librdkafka, which is not installed: make install")
    made = Outside(connection, updates)
    reading = asyncio.create_task(asyncio.to_thread(made.read))
    try:
        yield made
    finally:
        made.close()
        await reading
