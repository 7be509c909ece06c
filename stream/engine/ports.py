"""What the engine needs from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.number}"


class Record(NamedTuple):
    """A message as it was read.

    Attributes:
        partition, offset: Where it was.
        key, value: Its bytes.
        timestamp: Kafka's time of the message, in ms.
    """

    partition: Partition
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be written.

    Attributes:
        topic, key, value, headers: What is written.
        source: The partition whose records it follows from: only its owner may publish it.
        spare_value: Whether it may go without its value, where that is too large for the topic.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    source: Partition | None = None
    spare_value: bool = False


class Source(Protocol):
    """Where records come from: each partition in order, each record at least once."""

    async def arrived(self) -> None:
        """Return when there is a record to fetch, or the source is closed."""

    async def fetch(self, most: int, within: float) -> Sequence[Record]:
        """Wait for a record; then up to `most` of them, waiting no more than `within` seconds for the rest.

        Returns:
            Records, or nothing when the source is closed.
        """
        ...

    def acknowledge(self, partition: Partition, next_offset: int) -> None:
        """Everything before `next_offset` is done: a restart may begin there."""


class Sink(Protocol):
    """Where messages go."""

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Write the messages, those of one key in order; returns when the broker has acknowledged all.

        Raises:
            BrokerUnavailableError: Not all were acknowledged in time; publish all of them again.
        """
