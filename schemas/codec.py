"""Avro single-object encoding: `C3 01`, the writer's fingerprint (8 bytes, little-endian), then the body.

See the Avro 1.12 specification, "Single-object encoding". The header names the exact schema of the writer, so records
of older versions are resolved to the newest one without a registry. Whatever arrives, decoding raises `BadRecordError`
or nothing: a message can declare any length and any union branch, and never makes us allocate more than it holds.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from io import BytesIO
from operator import attrgetter
from typing import Any, Generic, TypeVar

from fastavro import schemaless_reader, schemaless_writer

from .catalogue import Catalogue, Schema
from .compatibility import unreadable_because
from .errors import BadRecordError
from .events import (
    DeadLetter,
    DriftReport,
    Evidence,
    Feedback,
    Interest,
    ModelEvent,
    MovedCode,
    ProfileUpdate,
    UserEvent,
)
from .foreign import ForeignSchema
from .updates import UPDATE_FINGERPRINT, update_body

MARKER = b"\xc3\x01"
HEADER_BYTES = 10

_MOST_JUDGED = 1000  # foreign schemas whose compatibility is remembered

Record = TypeVar("Record")


class MappingCodec:
    """Encodes and decodes one kind of record as a plain mapping of its fields.

    Args:
        catalogue: Where the schemas are.
        name: Which one: `user-event`, `profile-state`, ...
    """

    def __init__(self, catalogue: Catalogue, name: str) -> None:
        newest = catalogue.newest(name)
        self._catalogue = catalogue
        self._name = name
        self._newest = newest
        self._header = MARKER + newest.fingerprint
        # Reading without resolution is faster, so the newest version goes without a reader's schema.
        self._readers: dict[bytes, tuple[Schema, Any]] = {
            schema.fingerprint: (schema, None if schema is newest else newest.definition)
            for schema in catalogue.versions(name)
        }
        self._judged: dict[str, str | None] = {}

    @property
    def newest(self) -> Schema:
        """The version that `encode` writes."""
        return self._newest

    @property
    def header(self) -> bytes:
        """What stands before a record of the newest version."""
        return self._header

    def encode(self, values: Mapping[str, Any], header: bytes | None = None) -> bytes:
        """The record in the newest version.

        Args:
            values: Its fields.
            header: What to write before it in place of the single-object header.

        Raises:
            BadRecordError: `unencodable`: a value is missing, of the wrong type or too large for its field.
        """
        buffer = BytesIO()
        buffer.write(self._header if header is None else header)
        try:
            schemaless_writer(buffer, self._newest.definition, values)
        except Exception as error:  # the library raises what its C code met: ValueError, TypeError, OverflowError, ...
            raise BadRecordError("unencodable", f"{self._name}: {type(error).__name__}") from error
        return buffer.getvalue()

    def decode(self, data: bytes | None) -> dict[str, Any]:
        """The record's fields, as the newest version names them.

        Raises:
            BadRecordError: `tombstone` (no value at all), `not_avro`, `unknown_schema` or `undecodable`.
        """
        if data is None or data[:2] != MARKER or len(data) < HEADER_BYTES:
            raise _not_avro(data)
        found = self._readers.get(data[2:HEADER_BYTES])
        if found is None:
            raise self._unknown(data[2:HEADER_BYTES])
        writer, reader = found
        return _read(data, HEADER_BYTES, writer.definition, reader, str(writer))

    def decode_foreign(self, data: bytes, start: int, writer: ForeignSchema) -> dict[str, Any]:
        """The record's fields, from bytes without our header.

        Args:
            data: The message.
            start: Where the record begins in it.
            writer: What it was written with.

        Raises:
            BadRecordError: `unknown_schema` (the writer's schema is of something else) or `undecodable`.
        """
        found = self._readers.get(writer.fingerprint)
        if found is not None:
            ours, reader = found
            return _read(data, start, ours.definition, reader, str(ours))
        if (reason := self._unreadable(writer)) is not None:
            raise BadRecordError("unknown_schema", f"{writer.label} cannot be read as a {self._name}: {reason}")
        return _read(data, start, writer.definition, self._newest.definition, writer.label)

    def _unreadable(self, writer: ForeignSchema) -> str | None:
        if writer.text not in self._judged:
            if len(self._judged) >= _MOST_JUDGED:
                self._judged.clear()
            try:
                self._judged[writer.text] = unreadable_because(self._newest.text, writer.text)
            except ValueError as error:  # one library takes the schema, the other does not
                self._judged[writer.text] = str(error)
        return self._judged[writer.text]

    def _unknown(self, print_: bytes) -> BadRecordError:
        other = self._catalogue.find(print_)
        what = f"fingerprint {print_.hex()} is not known" if other is None else f"it is a {other}"
        return BadRecordError("unknown_schema", f"{what}; expected a {self._name}")


class RecordCodec(Generic[Record]):
    """Encodes and decodes one dataclass whose fields are those of the schema.

    Args:
        catalogue: Where the schemas are.
        name: Which one.
        kind: The dataclass.
        parts: For a field that is an array of records: the dataclass of its items, read as a tuple.
        quick: Writes the body of a record in the newest version, or gives None where the library has to look at it.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        name: str,
        kind: type[Record],
        parts: Mapping[str, type[Any]] | None = None,
        quick: Callable[[Record], bytes | None] | None = None,
    ) -> None:
        self._quick = quick
        self._mapping = MappingCodec(catalogue, name)
        self._kind = kind
        self._to_dict = _to_dict(kind)
        self._parts = {field: (part, _to_dict(part)) for field, part in (parts or {}).items()}

    @property
    def newest(self) -> Schema:
        """The version that `encode` writes."""
        return self._mapping.newest

    def encode(self, record: Record, header: bytes | None = None) -> bytes:
        """The record in the newest version, with its header or with another.

        Raises:
            BadRecordError: `unencodable`: a value is of the wrong type or too large for its field.
        """
        if self._quick is not None and (body := self._quick(record)) is not None:
            return (self._mapping.header if header is None else header) + body
        values = self._to_dict(record)
        for field, (_, to_dict) in self._parts.items():
            values[field] = [to_dict(item) for item in values[field]]
        return self._mapping.encode(values, header)

    def decode(self, data: bytes | None) -> Record:
        """The record.

        Raises:
            BadRecordError: `tombstone`, `not_avro`, `unknown_schema` or `undecodable`.
        """
        return self._record(self._mapping.decode(data))

    def decode_foreign(self, data: bytes, start: int, writer: ForeignSchema) -> Record:
        """The record, from bytes without our header; see MappingCodec.

        Raises:
            BadRecordError: `unknown_schema` or `undecodable`.
        """
        return self._record(self._mapping.decode_foreign(data, start, writer))

    def _record(self, values: dict[str, Any]) -> Record:
        for field, (part, _) in self._parts.items():
            values[field] = tuple([part(**item) for item in values[field]])
        return self._kind(**values)


def _read(data: bytes, start: int, writer: Any, reader: Any, label: str) -> dict[str, Any]:
    """The fields of a record that takes the rest of a message.

    Args:
        data: The message.
        start: Where the record begins.
        writer: The definition that it was written with.
        reader: The definition to resolve to; None where it is the writer's own.
        label: What to call the record in an error.
    """
    buffer = BytesIO(data)
    buffer.seek(start)
    try:
        values: dict[str, Any] = schemaless_reader(buffer, writer, None)
        end = buffer.tell()
        if reader is not None:
            # Once more: the library skips fields that the reader does not have without seeing that they are cut short.
            buffer.seek(start)
            values = schemaless_reader(buffer, writer, reader)
    except Exception as error:  # the library raises what its C code met: EOFError, IndexError, UnicodeDecodeError, ...
        raise BadRecordError("undecodable", f"not a {label}: {type(error).__name__}") from error
    if end != len(data):
        raise BadRecordError("undecodable", f"{len(data) - end} bytes too many after a {label}")
    return values


def _to_dict(kind: Any) -> Callable[[Any], dict[str, Any]]:
    """Like `dataclasses.asdict` for one level, ten times as fast."""
    names = [field.name for field in fields(kind)]
    get = attrgetter(*names)
    return lambda record: dict(zip(names, get(record), strict=True))


def _not_avro(data: bytes | None) -> BadRecordError:
    if data is None:
        return BadRecordError("tombstone", "the message has no value")
    hint = ", perhaps in the format of a schema registry: set schema_registry_url" if data[:1] == b"\x00" else ""
    return BadRecordError("not_avro", f"{len(data)} bytes that begin with {data[:2].hex() or 'nothing'}{hint}")


_CATALOGUE = Catalogue()
_EVENT = RecordCodec(_CATALOGUE, "user-event", UserEvent)
_FEEDBACK = RecordCodec(_CATALOGUE, "feedback", Feedback)
_UPDATE = RecordCodec(
    _CATALOGUE,
    "profile-update",
    ProfileUpdate,
    {"interests": Interest, "recent_interests": Interest, "evidence": Evidence},
    update_body if _CATALOGUE.newest("profile-update").fingerprint == UPDATE_FINGERPRINT else None,
)
_DEAD_LETTER = RecordCodec(_CATALOGUE, "dead-letter", DeadLetter)
_MODEL_EVENT = RecordCodec(_CATALOGUE, "model-event", ModelEvent)
_DRIFT_REPORT = RecordCodec(_CATALOGUE, "drift-report", DriftReport, {"codes": MovedCode})
_CODECS: dict[type[Any], RecordCodec[Any]] = {
    UserEvent: _EVENT,
    Feedback: _FEEDBACK,
    ProfileUpdate: _UPDATE,
    DeadLetter: _DEAD_LETTER,
    ModelEvent: _MODEL_EVENT,
    DriftReport: _DRIFT_REPORT,
}
_MAPPINGS = {name: MappingCodec(_CATALOGUE, name) for name in _CATALOGUE.names()}


def codec_of(kind: type[Record]) -> RecordCodec[Record]:
    """The codec of a kind of record.

    Raises:
        KeyError: It has none.
    """
    return _CODECS[kind]


def encode(record: UserEvent | Feedback | ProfileUpdate | DeadLetter | ModelEvent | DriftReport) -> bytes:
    """Any record of the topics, in the newest version of its schema.

    Raises:
        BadRecordError: `unencodable`: a value is of the wrong type or too large for its field.
    """
    return _CODECS[type(record)].encode(record)


def decode_event(data: bytes | None) -> UserEvent:
    """A message of `user-events`; raises `BadRecordError` and nothing else, as do all below."""
    return _EVENT.decode(data)


def decode_feedback(data: bytes | None) -> Feedback:
    """A message of `feedback`."""
    return _FEEDBACK.decode(data)


def decode_update(data: bytes | None) -> ProfileUpdate:
    """A message of `profile-updates`; a tombstone there means that the profile was erased."""
    return _UPDATE.decode(data)


def decode_dead_letter(data: bytes | None) -> DeadLetter:
    """The header of a message on `dead-letters`."""
    return _DEAD_LETTER.decode(data)


def decode_model_event(data: bytes | None) -> ModelEvent:
    """A message of `model-events`."""
    return _MODEL_EVENT.decode(data)


def encode_record(name: str, values: Mapping[str, Any]) -> bytes:
    """Any record as a mapping of its fields: for `profile-state`, whose arrays have no dataclass.

    Raises:
        BadRecordError: `unencodable`: a value is missing, of the wrong type or too large for its field.
    """
    return _MAPPINGS[name].encode(values)


def decode_record(name: str, data: bytes | None) -> dict[str, Any]:
    """The fields of a record that `encode_record` wrote, in this version or an older one.

    Raises:
        BadRecordError: `tombstone`, `not_avro`, `unknown_schema` or `undecodable`.
    """
    return _MAPPINGS[name].decode(data)
