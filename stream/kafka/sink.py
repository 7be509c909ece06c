"""A producer that returns when the broker has everything."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Self

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, UnknownError, UnsupportedVersionError

from ...schemas.errors import BrokerUnavailableError, ConfigurationError
from ..engine.ports import Outgoing
from .connection import KafkaConnection

# The largest event that a broker accepts by default is 1 MiB; as a dead letter it has headers on top.
LARGEST_MESSAGE = 2 * 1024 * 1024

_CLOSE_SECONDS = 5.0

# What brokers answer that have no idempotent producers; the embedded one says "unknown error".
_NOT_IDEMPOTENT = (UnknownError, UnsupportedVersionError)

log = structlog.get_logger(__name__)


class KafkaSink:
    """Publishes to Kafka with `acks=all`.

    Args:
        start: Gives a started producer.
        producer: The first one that it gave.
        timeout: Seconds until the messages of one call must be acknowledged.
    """

    def __init__(
        self, start: Callable[[], Awaitable[AIOKafkaProducer]], producer: AIOKafkaProducer, timeout: float = 30.0
    ) -> None:
        self._start = start
        self._producer = producer
        self._timeout = timeout
        self._broken = False

    @classmethod
    async def connect(
        cls, connection: KafkaConnection, *, idempotent: bool | None = None, within: float = 30.0
    ) -> Self:
        """A sink with a producer of its own.

        Args:
            connection: Where Kafka is.
            idempotent: Whether the broker must recognise messages that are sent twice; None: where it can. The
                embedded broker cannot.
            within: Seconds until the messages of one call must be acknowledged.

        Raises:
            BrokerUnavailableError: Kafka does not answer.
            ConfigurationError: It must be idempotent, and the broker cannot.
        """
        start = partial(start_producer, connection, idempotent=idempotent)
        return cls(start, await start(), within)

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """See Sink. A dead letter too large for its topic goes without its value: the headers say where it is.

        Raises:
            ConfigurationError: Another message is too large for its topic. Without a value it would mean that the
                profile of its key is gone.
        """
        try:
            async with asyncio.timeout(self._timeout):
                await self._mend()
                if again := await self._deliver(messages):
                    await self._mend()
                    await self._deliver(again)
        except (KafkaError, TimeoutError) as error:
            raise BrokerUnavailableError(f"Kafka did not take {len(messages)} messages: {error!r}") from error

    async def close(self) -> None:
        """Disconnect. What was published is safe; what was not is not waited for when the broker is gone."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._producer.stop()

    async def _mend(self) -> None:
        """A new producer in place of a broken one.

        What a broker refused is missing in the numbers of an idempotent producer: nothing more of it would be taken.
        """
        if self._broken:
            await self._producer.stop()
            self._producer = await self._start()
            self._broken = False

    async def _deliver(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """Send and wait; returns what to send again because one of them was too large for the broker."""
        sent = [await self._send(message) for message in messages]
        outcomes = await asyncio.gather(*sent, return_exceptions=True)
        failed = [(m, o) for m, o in zip(messages, outcomes, strict=True) if isinstance(o, BaseException)]
        self._broken = bool(failed)
        if failed and not any(_too_large(outcome) for _, outcome in failed):
            raise failed[0][1]
        return [_emptied(message) if _too_large(outcome) else message for message, outcome in failed]

    async def _send(self, message: Outgoing) -> "asyncio.Future[object]":
        try:
            future: asyncio.Future[object] = await self._producer.send(
                message.topic, value=message.value, key=message.key, headers=list(message.headers)
            )
        except MessageSizeTooLargeError:
            return await self._send(_emptied(message))
        return future


def too_large(message: Outgoing) -> ConfigurationError:
    """What to do about a message that its topic does not take."""
    size = len(message.value or b"")
    return ConfigurationError(f"{message.topic} does not take a message of {size} bytes: raise its max.message.bytes")


def _too_large(outcome: BaseException) -> bool:
    return isinstance(outcome, MessageSizeTooLargeError)


def _emptied(message: Outgoing) -> Outgoing:
    if not message.value or not message.spare_value:
        raise too_large(message)
    log.error("message too large for its topic, sent without its value", topic=message.topic, bytes=len(message.value))
    return Outgoing(message.topic, message.key, None, (*message.headers, ("value-left-out", b"too large")))


async def start_producer(connection: KafkaConnection, *, idempotent: bool | None = None) -> AIOKafkaProducer:
    """A started producer, idempotent where it is asked for or possible.

    Raises:
        BrokerUnavailableError: Kafka does not answer.
        ConfigurationError: It must be idempotent, and the broker cannot.
    """
    try:
        return await _start_producer(connection, idempotent=idempotent is not False)
    except _NOT_IDEMPOTENT as error:
        if idempotent:
            raise ConfigurationError(
                f"kafka_idempotent: the broker at {connection.bootstrap} has no idempotent producers; leave it out"
            ) from error
        log.info("this broker has no idempotent producers, going on without", broker=connection.bootstrap)
        return await _start_producer(connection, idempotent=False)


async def _start_producer(connection: KafkaConnection, *, idempotent: bool) -> AIOKafkaProducer:
    producer = AIOKafkaProducer(
        **connection.client_options(),
        acks="all",
        enable_idempotence=idempotent,
        linger_ms=2,
        request_timeout_ms=20_000,
        max_request_size=LARGEST_MESSAGE,
        max_batch_size=128 * 1024,
    )
    try:
        await producer.start()
    except _NOT_IDEMPOTENT:
        await producer.stop()
        raise
    except (KafkaError, OSError) as error:
        await producer.stop()
        raise BrokerUnavailableError(
            f"no Kafka broker answers at {connection.bootstrap} ({error}). "
            "Start one (`profilestream up`), or set PROFILESTREAM_KAFKA_BOOTSTRAP."
        ) from error
    return producer
