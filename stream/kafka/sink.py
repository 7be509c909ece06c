"""A producer that returns when the broker has everything."""

import asyncio
from collections.abc import Sequence
from typing import Self

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, UnknownError, UnsupportedVersionError

from ...schemas.errors import BrokerUnavailableError
from ..engine.ports import Outgoing
from .connection import KafkaConnection

# The largest event that a broker accepts by default is 1 MiB; as a dead letter it has headers on top.
LARGEST_MESSAGE = 2 * 1024 * 1024

# What brokers answer that have no idempotent producers; the embedded one says "unknown error".
_NOT_IDEMPOTENT = (UnknownError, UnsupportedVersionError)

log = structlog.get_logger(__name__)


class KafkaSink:
    """Publishes to Kafka with `acks=all`.

    Args:
        producer: Started; `connect` makes one.
        timeout: Seconds until the messages of one call must be acknowledged.
    """

    def __init__(self, producer: AIOKafkaProducer, timeout: float = 30.0) -> None:
        self._producer = producer
        self._timeout = timeout

    @classmethod
    async def connect(cls, connection: KafkaConnection, *, idempotent: bool | None = None) -> Self:
        """A sink with a producer of its own.

        Args:
            connection: Where Kafka is.
            idempotent: Whether the broker must recognise messages that are sent twice; None: where it can. The
                embedded broker cannot.

        Raises:
            BrokerUnavailableError: Kafka does not answer.
        """
        return cls(await start_producer(connection, idempotent=idempotent))

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """See Sink. A dead letter that is too large for its topic goes without its value: the headers say where it is."""
        try:
            async with asyncio.timeout(self._timeout):
                sent = [await self._send(message) for message in messages]
                outcomes = await asyncio.gather(*sent, return_exceptions=True)
                for message, outcome in zip(messages, outcomes, strict=True):
                    if isinstance(outcome, MessageSizeTooLargeError):
                        await (await self._send(_emptied(message)))
                    elif isinstance(outcome, BaseException):
                        raise outcome
        except (KafkaError, TimeoutError) as error:
            raise BrokerUnavailableError(f"Kafka did not take {len(messages)} messages: {error!r}") from error

    async def close(self) -> None:
        """Send what is left and disconnect."""
        await self._producer.stop()

    async def _send(self, message: Outgoing) -> "asyncio.Future[object]":
        try:
            future: asyncio.Future[object] = await self._producer.send(
                message.topic, value=message.value, key=message.key, headers=list(message.headers)
            )
        except MessageSizeTooLargeError:
            return await self._send(_emptied(message))
        return future


def _emptied(message: Outgoing) -> Outgoing:
    if not message.value:
        raise MessageSizeTooLargeError
    log.error("message too large for its topic, sent without its value", topic=message.topic, bytes=len(message.value))
    return Outgoing(message.topic, message.key, None, (*message.headers, ("value-left-out", b"too large")))


async def start_producer(connection: KafkaConnection, *, idempotent: bool | None = None) -> AIOKafkaProducer:
    """A started producer, idempotent where it is asked for or possible.

    Raises:
        BrokerUnavailableError: Kafka does not answer.
    """
    try:
        return await _start_producer(connection, idempotent=idempotent is not False)
    except _NOT_IDEMPOTENT:
        if idempotent:
            raise
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
