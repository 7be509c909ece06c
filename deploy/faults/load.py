"""The stream: a producer that does not stop, and a journal of what it was told is written."""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from ...schemas.codec import encode
from ...schemas.errors import BrokerUnavailableError
from ...schemas.events import EVENT_TYPES, UserEvent
from ...schemas.validation import DAY_MS, SPOKEN_TYPES
from ...stream.engine.ports import Partition, Record
from ...stream.kafka.connection import KafkaConnection
from ...stream.kafka.sink import start_producer
from ..topics import USER_EVENTS

BUSY, RARE = 2, 200  # users; others come once, so that no later update of theirs makes a lost one good
_NOW = 1_750_000_000_000  # event times are of one past week: they need not be true
_RATE = 150.0  # events a second
_PAUSE = 0.15
# Of one user at a time: what is sent again when the broker failed is still among the ids that a profile remembers.
_UNDER_WAY = 7

TEXTS = tuple(
    f"{verb} {thing}{end}"
    for verb in ("I like", "where is", "please show me", "what does it cost:")
    for thing in ("the red train", "a cat with a hat", "fresh bread", "music from the sea")
    for end in ("", " again", "?")
)


@dataclass(frozen=True, slots=True)
class Message:
    """Something to be written; `event` is None for what is no event."""

    key: bytes | None
    value: bytes | None
    event: UserEvent | None = None


@dataclass(slots=True)
class Journal:
    """What the broker acknowledged.

    Attributes:
        written: Events, those of a user in their order.
        good: Their values.
        poison: Where there are messages that are none.
        repeated: How many events were written once more on purpose.
    """

    written: list[Record] = field(default_factory=list)
    good: set[bytes | None] = field(default_factory=set)
    poison: set[tuple[int, int]] = field(default_factory=set)
    repeated: int = 0

    @property
    def events(self) -> int:
        """Events and poison messages that have to be accounted for."""
        return len(self.written) + len(self.poison) - self.repeated

    def note(self, message: Message, told: RecordMetadata) -> None:
        """The broker says that a message is written, and where."""
        if message.event is None:
            self.poison.add((told.partition, told.offset))
        else:
            where = Partition(USER_EVENTS, told.partition)
            self.good.add(message.value)
            self.written.append(Record(where, told.offset, message.key, message.value, told.timestamp))


class Load:
    """Writes events until it is stopped, each until it is acknowledged.

    Args:
        connection: Where Kafka is.
        seed: Of what is written.
        journal: Where it is noted.
    """

    def __init__(self, connection: KafkaConnection, seed: int, journal: Journal) -> None:
        self._connection = connection
        self._dice = random.Random(seed)  # noqa: S311 (not a secret)
        self._journal = journal
        self._number = 0
        self._extra: deque[list[Message]] = deque()
        self._last: list[Message] = []
        self._producer: AIOKafkaProducer | None = None

    def poison(self, messages: Sequence[Message]) -> None:
        """Write these in between."""
        self._extra.append(list(messages))

    def repeat(self) -> None:
        """Write what was written last once more."""
        self._journal.repeated += len(self._last)
        self._extra.append(self._last)

    async def run(self, stop: asyncio.Event) -> None:
        """Write until `stop` is set and all is acknowledged."""
        try:
            while not stop.is_set() or self._extra:
                while self._extra:
                    await self._write(self._extra.popleft())
                self._last = self._some()
                await self._write(self._last)
                await asyncio.sleep(self._dice.uniform(0, 2 * _PAUSE))
        finally:
            await self._disconnect()

    def _some(self) -> list[Message]:
        users: Counter[str] = Counter()
        drawn: list[Message] = []
        for _ in range(round(_RATE * _PAUSE)):
            event = self._draw()
            if users[event.user] < _UNDER_WAY:
                users[event.user] += 1
                drawn.append(message(event))
        return drawn

    def _draw(self) -> UserEvent:
        self._number += 1
        return draw_event(self._dice, self._number)

    async def _write(self, messages: list[Message]) -> None:
        """As a careful producer does: again until all of it is acknowledged, in order."""
        while messages:
            messages = await self._try(messages)

    async def _try(self, messages: list[Message]) -> list[Message]:
        """Write once; returns what was not acknowledged."""
        try:
            producer = self._producer = self._producer or await start_producer(self._connection)
            sent = [await producer.send(USER_EVENTS, m.value, key=m.key) for m in messages]
        except (KafkaError, BrokerUnavailableError):
            await self._disconnect()
            return messages
        outcomes = await asyncio.gather(*sent, return_exceptions=True)
        failed = [m for m, outcome in zip(messages, outcomes, strict=True) if isinstance(outcome, BaseException)]
        for m, outcome in zip(messages, outcomes, strict=True):
            if not isinstance(outcome, BaseException):
                self._journal.note(m, outcome)
        if failed:
            await self._disconnect()
        return failed

    async def _disconnect(self) -> None:
        producer, self._producer = self._producer, None
        if producer:
            await asyncio.wait({asyncio.ensure_future(producer.stop())}, timeout=2.0)


def message(event: UserEvent) -> Message:
    """An event as a producer writes it."""
    return Message(event.user.encode(), encode(event), event)


def draw_event(dice: random.Random, number: int) -> UserEvent:
    """A valid event: every other one of a few busy users, the rest of users who come now and then, or once."""
    kind = dice.choice(EVENT_TYPES)
    says = kind in SPOKEN_TYPES or dice.random() < 0.2
    busy, rare, once = f"busy-{dice.randrange(BUSY)}", f"rare-{dice.randrange(RARE)}", f"once-{number}"
    return UserEvent(
        id=f"event-{number}",
        user=dice.choice((busy, busy, rare, once)),
        type=kind,
        time=_NOW + 100 * number - dice.choice((0, 0, dice.randrange(DAY_MS))),
        text=dice.choice(TEXTS) if says else None,
    )


def draw_poison(dice: random.Random, number: int) -> list[Message]:
    """One of each way in which a message can be no event."""
    event = draw_event(dice, number)
    key, whole = event.user.encode(), encode(event)
    wrong = (
        replace(event, time=4_000_000_000_000),
        replace(event, type="message", text="x" * 100_001),
        replace(event, user=f"{event.user}-other"),
    )
    values = (
        dice.randbytes(40),
        None,
        whole[:-1],
        b"\xc3\x01" + dice.randbytes(8) + whole[10:],
        dice.randbytes(900_000),
        *map(encode, wrong),
    )
    return [Message(key, value) for value in values]
