"""Dead letters: found, shown, and sent once more to where they came from, but never twice.

What was sent once more carries the header `replayed-from` with the place of the original message. Whether a letter was
replayed is read from the topic itself, so neither a crash in between nor an empty Redis makes it forgotten.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import redis.exceptions
from aiokafka import ConsumerRecord
from redis.asyncio import Redis

from ...schemas.codec import HEADER_BYTES, MARKER, decode_dead_letter
from ...schemas.errors import BadRecordError, ConfigurationError
from ...schemas.events import DeadLetter
from ..engine.engine import DEAD_LETTER_HEADER
from ..engine.ports import Outgoing, Partition, Sink
from ..redaction import Redactor
from ..store.redis import translated
from .scan import Scanner, Span

REPLAYED_FROM = "replayed-from"
LEFT_OUT = "value-left-out"

_LOCK = "profilestream:replay-lock"
_LOCKED_SECONDS = 600.0
_AT_ONCE = 500
_CLOCKS_MS = 3_600_000  # so far may the clocks of those who write letters and of those who replay them differ
_SHOWN_BYTES = 2  # of a value that is not ours: enough to see what it may be, too few for anybody's data

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Letter:
    """A message on dead-letters.

    Attributes:
        id: Where the letter is: `partition:offset` of dead-letters.
        time: When it was set aside, in ms.
        why: The reason, and where the message was.
        key, value: The original bytes.
        headers: Of the letter.
    """

    id: str
    time: int
    why: DeadLetter
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def place(self) -> str:
        """Where the original message was. A letter may have been written twice: both have the same."""
        return f"{Partition(self.why.topic, self.why.partition)}@{self.why.offset}"

    @property
    def complete(self) -> bool:
        """Whether the original bytes are all here: a message too large for dead-letters lost its value."""
        return all(name != LEFT_OUT for name, _ in self.headers)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters.

    Attributes:
        ids: Only these; empty: all.
        reason: Only of this reason.
        topic: Only from this topic.
        since: Only what was set aside at this time (ms) or later.
    """

    ids: frozenset[str] = frozenset()
    reason: str | None = None
    topic: str | None = None
    since: int | None = None

    def __contains__(self, letter: object) -> bool:
        """Whether a letter is among them."""
        return (
            isinstance(letter, Letter)
            and (not self.ids or letter.id in self.ids)
            and self.reason in (None, letter.why.reason)
            and self.topic in (None, letter.why.topic)
            and (self.since is None or letter.time >= self.since)
        )


def read_letter(record: ConsumerRecord) -> Letter | None:
    """The letter in a message; None where it is none."""
    headers = tuple((name, value) for name, value in record.headers)
    try:
        why = decode_dead_letter(dict(headers).get(DEAD_LETTER_HEADER))
    except BadRecordError:
        return None
    return Letter(f"{record.partition}:{record.offset}", record.timestamp, why, record.key, record.value, headers)


async def find(
    scanner: Scanner, topic: str, wanted: Wanted, progress: Progress = lambda _done, _of: None
) -> list[Letter]:
    """The wanted letters of a topic, oldest first.

    Raises:
        ConfigurationError: A wanted id is not there.
    """
    spans = await scanner.spans(topic)
    if wanted.since is not None:
        spans = await _from(scanner, spans, wanted.since)
    if wanted.ids:
        spans = _only(spans, wanted.ids)
    letters = [letter async for record in _records(scanner, spans, progress) if (letter := read_letter(record))]
    found = sorted([letter for letter in letters if letter in wanted], key=lambda letter: letter.time)
    if absent := wanted.ids - {letter.id for letter in found}:
        raise ConfigurationError(
            f"there is no dead letter {', '.join(sorted(absent))}; `profilestream dead-letters list` names those there"
        )
    return found


async def replayed(
    scanner: Scanner, letters: Sequence[Letter], progress: Progress = lambda _done, _of: None
) -> set[str]:
    """The places of those letters that were sent once more already.

    Reads the topics that the letters came from, from an hour before the oldest letter on.
    """
    if not letters:
        return set()
    spans: dict[Partition, Span] = {}
    for topic in {letter.why.topic for letter in letters}:
        oldest = min(letter.time for letter in letters if letter.why.topic == topic)
        spans |= await _from(scanner, await scanner.spans(topic), max(0, oldest - _CLOCKS_MS))
    marks = [dict(record.headers).get(REPLAYED_FROM) async for record in _records(scanner, spans, progress)]
    return {mark.decode(errors="replace") for mark in marks if mark} & {letter.place for letter in letters}


def to_send(letters: Iterable[Letter], already: Collection[str]) -> list[Letter]:
    """One letter of each place that was not replayed yet and is complete."""
    return list(
        {letter.place: letter for letter in letters if letter.complete and letter.place not in already}.values()
    )


async def send(sink: Sink, letters: Sequence[Letter], progress: Progress = lambda _done, _of: None) -> None:
    """Send letters to the topics that they came from: the same key, the same bytes, and where they were in a header.

    Raises:
        BrokerUnavailableError: Not all were acknowledged; what was is known to `replayed`.
    """
    progress(0, len(letters))
    for at in range(0, len(letters), _AT_ONCE):
        some = letters[at : at + _AT_ONCE]
        await sink.publish([Outgoing(x.why.topic, x.key, x.value, ((REPLAYED_FROM, x.place.encode()),)) for x in some])
        progress(at + len(some), len(letters))


@asynccontextmanager
async def alone(client: "Redis") -> AsyncIterator[None]:
    """Nobody else replays while the block runs.

    Raises:
        ConfigurationError: Somebody does.
    """
    lock = client.lock(_LOCK, timeout=_LOCKED_SECONDS, blocking=False)
    with translated():
        free = await lock.acquire()
    if not free:
        raise ConfigurationError(
            "dead letters are being replayed already: wait until that has ended\n"
            f"(after a crash at most {_LOCKED_SECONDS / 60:.0f} minutes)"
        )
    try:
        yield
    finally:
        with suppress(redis.exceptions.LockError):  # it took longer than the lock lives
            await lock.release()


def preview(value: bytes | None, redactor: Redactor, *, raw: bool) -> tuple[str, str]:
    """A value as hexadecimal and as text.

    Args:
        value: Of a letter.
        redactor: Removes personal data from the text.
        raw: Show all, personal data included; otherwise only the header is given in hexadecimal.
    """
    if value is None:
        return "", ""
    text = "".join(c if c.isprintable() else "·" for c in value.decode(errors="replace"))
    if raw:
        return value.hex(" "), text
    shown = HEADER_BYTES if value.startswith(MARKER) else _SHOWN_BYTES
    left = len(value) - shown
    return value[:shown].hex(" ") + (f" … {left} more" if left > 0 else ""), redactor.redact(text)


async def _from(scanner: Scanner, spans: dict[Partition, Span], moment: int) -> dict[Partition, Span]:
    firsts = await scanner.offsets_at(spans, moment)
    return {partition: Span(max(span.first, firsts[partition]), span.end) for partition, span in spans.items()}


def _only(spans: dict[Partition, Span], ids: Iterable[str]) -> dict[Partition, Span]:
    """As little of the topic as holds all these letters."""
    offsets: dict[int, list[int]] = {}
    for name in ids:
        try:
            partition, offset = (int(part) for part in name.split(":"))
        except ValueError as error:
            raise ConfigurationError(f"{name!r} is no dead letter: give partition:offset, such as 3:17") from error
        offsets.setdefault(partition, []).append(offset)
    return {
        partition: Span(max(span.first, min(wanted)), min(span.end, max(wanted) + 1))
        for partition, span in spans.items()
        if (wanted := offsets.get(partition.number))
    }


async def _records(scanner: Scanner, spans: dict[Partition, Span], progress: Progress) -> AsyncIterator[ConsumerRecord]:
    total, done = sum(max(0, span.length) for span in spans.values()), 0
    progress(0, total)
    for partition, span in spans.items():
        async for records in scanner.read(partition, span):
            for record in records:
                yield record
            progress(done + records[-1].offset + 1 - span.first, total)
        done += span.length
    progress(total, total)
