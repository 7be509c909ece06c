"""Publishing in transactions, so that a worker that lost its partitions cannot write any more.

One transactional producer a source partition: whoever is assigned the partition starts a producer with the same
`transactional.id`, and from then on the broker refuses its predecessor (zombie fencing, KIP-98). A zombie
that was stopped between store and Kafka can therefore not put an old revision behind a newer one.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerFenced

from ...schemas.errors import BrokerUnavailableError, ConfigurationError, FencedError
from ..engine.ports import Outgoing, Partition, Sink
from .connection import KafkaConnection
from .sink import LARGEST_MESSAGE, start_producer, too_large

_CLOSE_SECONDS = 3.0


class TransactionalSink:
    """A Sink whose messages of one call and one source partition are read all, or not at all.

    Consumers have to read `read_committed`. Only for brokers with transactions: Apache Kafka, not the embedded one.

    Args:
        connection: Where Kafka is.
        group: The consumer group; a part of the transactional ids.
        plain: Takes what belongs to no source partition: dead letters, which may be written twice.
        within: Seconds until the messages of one call must be committed.
    """

    def __init__(self, connection: KafkaConnection, group: str, plain: Sink, *, within: float = 30.0) -> None:
        self._connection = connection
        self._group = group
        self._plain = plain
        self._within = within
        self._producers: dict[Partition, AIOKafkaProducer] = {}

    @staticmethod
    async def supported(connection: KafkaConnection) -> bool:
        """Whether this broker has transactional producers.

        Raises:
            BrokerUnavailableError: Kafka does not answer.
        """
        try:
            producer = await start_producer(connection, idempotent=True)
        except ConfigurationError:
            return False
        await producer.stop()
        return True

    async def assign(self, partitions: Sequence[Partition]) -> None:
        """These partitions are ours now, and no other ones: fence off whoever published for them before.

        Raises:
            BrokerUnavailableError: Kafka does not answer.
        """
        await self.close()
        producers = {partition: self._producer(partition) for partition in partitions}
        try:
            await asyncio.gather(*[producer.start() for producer in producers.values()])
        except (KafkaError, OSError) as error:
            await _stop(producers.values())
            raise BrokerUnavailableError(f"Kafka starts no transactions: {error!r}") from error
        self._producers = producers

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """See Sink.

        Raises:
            FencedError: A message's source partition has another owner now.
            ConfigurationError: A message is too large for its topic.
        """
        await self._plain.publish([message for message in messages if message.source is None])
        by_source: defaultdict[Partition, list[Outgoing]] = defaultdict(list)
        for message in messages:
            if message.source:
                by_source[message.source].append(message)
        try:
            async with asyncio.timeout(self._within):
                await asyncio.gather(*[self._transaction(source, batch) for source, batch in by_source.items()])
        except ProducerFenced as error:
            raise FencedError("another worker owns our partitions: it was assigned them while we were away") from error
        except (KafkaError, TimeoutError) as error:
            raise BrokerUnavailableError(f"Kafka did not commit {len(messages)} messages: {error!r}") from error

    async def close(self) -> None:
        """Disconnect. What was published is safe."""
        producers, self._producers = self._producers, {}
        await _stop(producers.values())

    async def _transaction(self, source: Partition, messages: Sequence[Outgoing]) -> None:
        producer = self._producers.get(source)
        if producer is None:
            raise FencedError(f"{source} is not ours to publish for")
        async with producer.transaction():
            sent = [await _send(producer, message) for message in messages]
            # All of them are waited for, so that no failure is left behind unseen.
            outcomes = await asyncio.gather(*sent, return_exceptions=True)
            for message, outcome in zip(messages, outcomes, strict=True):
                if isinstance(outcome, BaseException):
                    raise _meant(outcome, message)

    def _producer(self, partition: Partition) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **self._connection.client_options(),
            transactional_id=f"{self._group}-{partition}",
            transaction_timeout_ms=int(self._within * 1000),
            linger_ms=2,
            request_timeout_ms=20_000,
            max_request_size=LARGEST_MESSAGE,
            max_batch_size=128 * 1024,
        )


def _meant(outcome: BaseException, message: Outgoing) -> BaseException:
    return too_large(message) if isinstance(outcome, MessageSizeTooLargeError) else outcome


async def _send(producer: AIOKafkaProducer, message: Outgoing) -> "asyncio.Future[object]":
    try:
        future: asyncio.Future[object] = await producer.send(
            message.topic, value=message.value, key=message.key, headers=list(message.headers)
        )
    except MessageSizeTooLargeError as error:
        raise too_large(message) from error
    return future


async def _stop(producers: Iterable[AIOKafkaProducer]) -> None:
    async def stop(producer: AIOKafkaProducer) -> None:
        # One that was fenced, or whose broker is gone, has nothing left to say.
        with contextlib.suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await producer.stop()

    await asyncio.gather(*[stop(producer) for producer in producers])
