"""A load: events that are encoded before the clock runs, so that the benchmark measures the engine and not itself."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder

from ...schemas.codec import encode
from ...schemas.events import UserEvent

START = 1_700_000_000_000  # ms, of the first event
GAP = 1000  # ms between events


@dataclass(frozen=True, slots=True)
class Load:
    """Encoded events in the order of their times.

    Attributes:
        keys: The users.
        values: The events, as they lie in the topic.
    """

    keys: Sequence[bytes]
    values: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.values)


def load_of(events: Iterable[UserEvent]) -> Load:
    """Encode events."""
    pairs = [(event.user.encode(), encode(event)) for event in events]
    return Load([key for key, _ in pairs], [value for _, value in pairs])


def messages(name: str, texts: Sequence[str], users: int, prefix: str = "user-") -> Load:
    """A message a text; users take turns.

    Args:
        name: Of this load: ids begin with it, and no other load may have them.
        texts: What they say.
        users: How many.
        prefix: Of the users' names.
    """
    return load_of(
        UserEvent(
            id=f"{name}-{number}",
            user=f"{prefix}{number % users}",
            type="message",
            time=START + GAP * number,
            text=text,
        )
        for number, text in enumerate(texts)
    )


def clicks(name: str, count: int, users: int, prefix: str = "user-", first: int = 0) -> Load:
    """Events without a text; `first` is the number of the first one. For the rest see `messages`."""
    return load_of(
        UserEvent(
            id=f"{name}-{number}",
            user=f"{prefix}{number % users}",
            type="view",
            time=START + GAP * number,
            item=f"item-{number % 97}",
        )
        for number in range(first, first + count)
    )


@dataclass(frozen=True, slots=True)
class Packed:
    """A load in Kafka's own batches, ready to go: for each its partition and the users of its records."""

    batches: Sequence[tuple[int, BatchBuilder, list[bytes]]]
    events: int


def pack(producer: AIOKafkaProducer, load: Load, partitions: int) -> Packed:
    """Put a load into batches, by the partitioner of Kafka's own clients.

    Args:
        producer: Which will send them.
        load: What.
        partitions: Of the topic.
    """
    done: list[tuple[int, BatchBuilder, list[bytes]]] = []
    filling: dict[int, tuple[BatchBuilder, list[bytes]]] = {}
    for key, value in zip(load.keys, load.values, strict=True):
        partition = (murmur2(key) & 0x7FFFFFFF) % partitions
        batch, users = filling.get(partition) or (producer.create_batch(), [])
        if batch.append(key=key, value=value, timestamp=None) is None:  # full
            done.append((partition, batch, users))
            batch, users = producer.create_batch(), []
            batch.append(key=key, value=value, timestamp=None)
        users.append(key)
        filling[partition] = (batch, users)
    done += [(partition, batch, users) for partition, (batch, users) in filling.items()]
    for _, batch, _ in done:
        batch.close()
    return Packed(done, len(load))


async def send(producer: AIOKafkaProducer, topic: str, packed: Packed) -> Mapping[bytes, int]:
    """Send; returns when the broker has everything.

    Returns:
        For each user the offset of the last event.
    """
    sent = [await producer.send_batch(batch, topic, partition=partition) for partition, batch, _ in packed.batches]
    last: dict[bytes, int] = {}
    for metadata, (_, _, users) in zip(await asyncio.gather(*sent), packed.batches, strict=True):
        for position, user in enumerate(users):
            last[user] = max(last.get(user, -1), metadata.offset + position)
    return last
