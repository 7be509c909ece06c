"""How records are written on the topics, and read from them: single-object encoding, or that of a schema registry.

    single-object    C3 01, fingerprint (8 bytes, little-endian), body     what is written without a registry
    Confluent        00, schema id (4 bytes, big-endian), body             what is written with one

With a registry both are read, so a topic may change from one to the other. A schema is registered under the subject
`<topic>-value` (Confluent's TopicNameStrategy). The id of an unknown schema is looked up before a batch is decoded,
never while: `prepare` waits for the registry, `decode` does not.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from .codec import RecordCodec, codec_of
from .compatibility import unreadable_because
from .errors import BadRecordError, ConfigurationError, RegistryUnavailableError
from .foreign import ForeignSchema
from .registry import SchemaRegistry

MAGIC = b"\x00"
PREFIX_BYTES = 5

MOST_IDS = 10_000
_LARGEST_ID = 2**31 - 1  # ids are Java's int

Record = TypeVar("Record")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Refused:
    """Why an id is of no use, and until when that is believed (`time.monotonic()`)."""

    detail: str
    until: float


class Wire:
    """Encodes and decodes the records of the topics.

    Args:
        registry: Where ids stand for schemas; without one, everything is single-object encoding.
        doubt: Seconds after which an id that the registry does not know is asked for once more: a replica of it may
            lag behind a producer that has just registered its schema.
        forget: Seconds after which an id that was refused is looked up again.
    """

    def __init__(self, registry: SchemaRegistry | None = None, *, doubt: float = 0.5, forget: float = 60.0) -> None:
        self._registry = registry
        self._doubt = doubt
        self._forget = forget
        self._headers: dict[type[Any], bytes] = {}
        self._schemas: dict[int, ForeignSchema | _Refused] = {}
        self._asked: dict[int, asyncio.Task[None]] = {}

    async def register(self, kind: type[Any], topic: str) -> None:
        """Before the first record of a kind is encoded: make its schema known. Without a registry, nothing to do.

        Raises:
            ConfigurationError: The schema cannot read what is on the topic, or the registry refuses it.
            RegistryUnavailableError: No answer; try again.
        """
        if self._registry is None:
            return
        subject = f"{topic}-value"
        number = await _registered(self._registry, subject, codec_of(kind))
        self._headers[kind] = MAGIC + number.to_bytes(PREFIX_BYTES - 1, "big")
        log.info("schema registered", subject=subject, id=number)

    async def prepare(self, values: Iterable[bytes | None]) -> None:
        """Before messages are decoded: know the schema of each, or that it has none.

        Raises:
            RegistryUnavailableError: No answer; try again, nothing is lost.
        """
        if self._registry is None:
            return
        numbers = {number for value in values if value and (number := _id(value)) is not None}
        self._clear(numbers)
        # What another batch cleared meanwhile is asked for again; after the last look nothing awaits.
        while missing := numbers - self._schemas.keys():
            await asyncio.gather(*[self._ask(self._registry, number) for number in missing])

    def encode(self, record: Any) -> bytes:
        """A record in the newest version of its schema.

        Raises:
            BadRecordError: `unencodable`: a value is of the wrong type or too large for its field.
            KeyError: There is a registry, and this kind of record was not registered.
        """
        kind = type(record)
        return codec_of(kind).encode(record, None if self._registry is None else self._headers[kind])

    def decode(self, kind: type[Record], value: bytes | None) -> Record:
        """The record in a message that `prepare` has seen.

        Raises:
            BadRecordError: `tombstone`, `not_avro`, `unknown_schema` or `undecodable`.
        """
        codec = codec_of(kind)
        if self._registry is None or value is None or (number := _id(value)) is None:
            return codec.decode(value)
        found = self._schemas[number]
        if isinstance(found, _Refused):
            raise BadRecordError("unknown_schema", found.detail)
        return codec.decode_foreign(value, PREFIX_BYTES, found)

    async def close(self) -> None:
        """Disconnect."""
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)
        if self._registry is not None:
            await self._registry.close()

    def _clear(self, needed: set[int]) -> None:
        """Forget refusals that are old, and everything when ids become too many."""
        now = time.monotonic()
        for number in needed:
            found = self._schemas.get(number)
            if isinstance(found, _Refused) and found.until <= now:
                del self._schemas[number]
        if len(self._schemas) > MOST_IDS:
            self._schemas.clear()

    async def _ask(self, registry: SchemaRegistry, number: int) -> None:
        """Look an id up, once for all batches that wait for it."""
        if number not in self._asked:
            self._asked[number] = asyncio.create_task(self._look_up(registry, number))
            self._asked[number].add_done_callback(lambda _: self._asked.pop(number))
        await asyncio.shield(self._asked[number])

    async def _look_up(self, registry: SchemaRegistry, number: int) -> None:
        try:
            text = await self._text(registry, number)
            self._schemas[number] = ForeignSchema.parse(text, f"schema {number} of the registry")
        except (BadRecordError, ValueError) as error:
            detail = error.detail if isinstance(error, BadRecordError) else str(error)
            self._schemas[number] = _Refused(detail, time.monotonic() + self._forget)
        except ConfigurationError as error:  # a password that was changed: nothing is wrong with the messages
            raise RegistryUnavailableError(str(error)) from error

    async def _text(self, registry: SchemaRegistry, number: int) -> str:
        if number <= _LARGEST_ID:
            if (text := await registry.schema(number)) is not None:
                return text
            await asyncio.sleep(self._doubt)
            if (text := await registry.schema(number)) is not None:
                return text
        raise BadRecordError("unknown_schema", f"the registry at {registry.url} has no schema {number}")


def _id(value: bytes) -> int | None:
    """The id in a message of Confluent's format; None for any other."""
    if value[:1] != MAGIC or len(value) < PREFIX_BYTES:
        return None
    return int.from_bytes(value[1:PREFIX_BYTES], "big")


async def _registered(registry: SchemaRegistry, subject: str, codec: RecordCodec[Any]) -> int:
    """The id of the newest schema of a codec, registered if need be."""
    text = codec.newest.text
    if (known := await registry.id_of(subject, text)) is not None:
        return known
    latest = await registry.latest(subject)
    # Our own rule holds also where the registry's compatibility level is NONE.
    if latest is not None and (reason := _unreadable(text, latest)):
        raise ConfigurationError(
            f"{codec.newest} cannot read what is on the topic: subject {subject} of {registry.url} has a schema with "
            f"which it is not compatible ({reason}). Use another topic, or mend the schema."
        )
    return await registry.register(subject, text)


def _unreadable(reader: str, writer: str) -> str | None:
    try:
        return unreadable_because(reader, writer)
    except ValueError as error:
        return str(error)
