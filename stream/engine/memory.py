"""An in-memory log in place of Kafka: topics, partitions, committed offsets, and producers that are fenced off."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiokafka.partitioner import murmur2

from ...schemas.errors import BrokerUnavailableError, FencedError
from .ports import Outgoing, Partition, Record

PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class LogMessage:
    """A message in the log."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: int


class MemoryLog:
    """The broker."""

    def __init__(self, partitions: int = PARTITIONS) -> None:
        self.partitions = partitions
        self.failing = False
        self.committed: dict[Partition, int] = {}
        self.epochs: Counter[Partition] = Counter()
        self._messages: defaultdict[Partition, list[LogMessage]] = defaultdict(list)
        self._written = asyncio.Event()

    def fail(self) -> None:
        """From now on publishing raises `BrokerUnavailableError`."""
        self.failing = True

    def recover(self) -> None:
        """Take messages again."""
        self.failing = False

    def append(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        *,
        headers: tuple[tuple[str, bytes], ...] = (),
        timestamp: int = 0,
    ) -> tuple[Partition, int]:
        """Write a message, in the partition that Kafka's own clients would choose; returns where it is."""
        partition = self.partition_of(topic, key)
        messages = self._messages[partition]
        messages.append(LogMessage(key, value, headers, timestamp))
        self.wake()
        return partition, len(messages) - 1

    def partition_of(self, topic: str, key: bytes | None) -> Partition:
        """Where messages of a key are."""
        return Partition(topic, (murmur2(key or b"") & 0x7FFFFFFF) % self.partitions)

    def end(self, partition: Partition) -> int:
        """The offset that the next message gets."""
        return len(self._messages[partition])

    def messages(self, topic: str) -> list[LogMessage]:
        """All messages of a topic, partition by partition, those of a key in order."""
        return [message for number in range(self.partitions) for message in self._messages[Partition(topic, number)]]

    def read(self, partition: Partition, offset: int, most: int) -> list[Record]:
        """Up to `most` records from `offset` on."""
        found = self._messages[partition][offset : offset + most]
        return [
            Record(partition, offset + number, message.key, message.value, message.timestamp)
            for number, message in enumerate(found)
        ]

    async def wait(self) -> None:
        """Until something is written, or `wake` is called."""
        await self._written.wait()

    def wake(self) -> None:
        """Let everybody who waits look again."""
        self._written.set()
        self._written = asyncio.Event()


class MemorySource:
    """A consumer of all partitions of a topic, from their committed offsets on.

    Args:
        log: The broker.
        topic: What to read.
        follow: Wait for more at the end; otherwise the source closes there.
    """

    def __init__(self, log: MemoryLog, topic: str, *, follow: bool = False) -> None:
        self._log = log
        self._follow = follow
        partitions = [Partition(topic, number) for number in range(log.partitions)]
        self._position = {partition: log.committed.get(partition, 0) for partition in partitions}

    async def arrived(self) -> None:
        """See Source."""
        while self._follow and not any(self._log.read(*place, 1) for place in self._position.items()):
            await self._log.wait()

    async def fetch(self, most: int, within: float) -> Sequence[Record]:  # noqa: ARG002 (nothing to wait for)
        """See Source."""
        await self.arrived()
        return self._read(most)

    def acknowledge(self, partition: Partition, next_offset: int) -> None:
        """See Source: commits at once."""
        self._log.committed[partition] = next_offset

    def close(self) -> None:
        """Deliver what is there, then end."""
        self._follow = False
        self._log.wake()

    def _read(self, most: int) -> list[Record]:
        records: list[Record] = []
        for partition in self._position:
            found = self._log.read(partition, self._position[partition], most - len(records))
            self._position[partition] += len(found)
            records += found
        return records


class MemorySink:
    """A producer to the log."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """See Sink."""
        if self._log.failing:
            raise BrokerUnavailableError("The in-memory log was told to fail.")
        _write(self._log, messages)


class FencedSink:
    """A producer with a transaction a source partition: who is there later fences off who was there before.

    As Apache Kafka's transactional producers with one `transactional.id` a source partition: the broker counts an
    epoch for each id, and takes messages of the highest one only. A message belongs to the source partition of its
    key; all messages of one call are taken, or none.

    Args:
        log: The broker.
        topic: The source's topic.
        partitions: Those of its partitions that were assigned; their epochs are counted up now.
    """

    def __init__(self, log: MemoryLog, topic: str, partitions: Iterable[Partition]) -> None:
        self._log = log
        self._topic = topic
        self._epochs: dict[Partition, int] = {}
        for partition in partitions:
            log.epochs[partition] += 1
            self._epochs[partition] = log.epochs[partition]

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """See Sink.

        Raises:
            FencedError: A partition that a message belongs to has another owner.
        """
        if self._log.failing:
            raise BrokerUnavailableError("The in-memory log was told to fail.")
        for partition in {self._log.partition_of(self._topic, message.key) for message in messages}:
            if not self._owns(partition):
                raise FencedError(f"{partition} has another owner now")
        _write(self._log, messages)

    def renewed(self) -> "FencedSink":
        """This producer after a transaction that it aborted: what it sent before is not taken any more (KIP-890).

        Only the owner may do that: an epoch that another worker took cannot be taken back.
        """
        after = FencedSink(self._log, self._topic, filter(self._owns, self._epochs))
        after._epochs = self._epochs | after._epochs
        return after

    def _owns(self, partition: Partition) -> bool:
        return self._epochs.get(partition) == self._log.epochs[partition]


def _write(log: MemoryLog, messages: Sequence[Outgoing]) -> None:
    for message in messages:
        log.append(message.topic, message.key, message.value, headers=message.headers)
