"""Reads user events from JSON lines or CSV, line by line, so that a file may be larger than memory.

A wrong line is yielded as a `BadLine` that says what to do about it, and reading goes on with the next.
"""

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar

import orjson

from ..schemas.codec import encode
from ..schemas.errors import BadRecordError, ConfigurationError
from ..schemas.events import Property, UserEvent
from ..schemas.validation import Limits, validate

Format = Literal["jsonl", "csv"]
Line = TypeVar("Line")

MAX_LINE = 4 * 1024 * 1024
"""Bytes of the longest line that is read."""

MAX_EVENT = 1_000_000
"""Bytes of the largest event; Kafka's default for a whole message, with its key and headers, is 1 MiB."""

FIELDS = ("id", "user", "type", "time", "text", "item", "properties")

_FORMATS: dict[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv"}
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9]\d{0,14})\.\d{1,14}", re.ASCII)
_LONG = 2**63
_MS_OF_1973 = 100_000_000_000  # a smaller number is a time in seconds


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no event: where it is and what to do.

    Attributes:
        line: Counted from 1.
        problem: For example `time: 'yesterday' is not a time; give ISO 8601 or ms since 1970`.
    """

    line: int
    problem: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.problem}"


class _Problem(Exception):  # noqa: N818  it never leaves this module: it becomes a BadLine
    """What is wrong with the line at hand."""


def format_of(path: Path, given: str | None = None) -> Format:
    """Which format a file has: the one given, or else by its name.

    Raises:
        ConfigurationError: The format is not known.
    """
    found = _FORMATS.get(path.suffix.lower() if given is None else f".{given}")
    if found is None and given is not None:
        raise ConfigurationError(f"format {given!r} is not known; give jsonl or csv")
    if found is None:
        raise ConfigurationError(f"cannot tell the format of {path} by its name; say whether it is jsonl or csv")
    return found


@dataclass(frozen=True, slots=True)
class Checks:
    """What the worker will refuse, to be found where somebody can mend it.

    Attributes:
        limits: What is plausible.
        now: The time that Kafka would give a message, in ms.
    """

    limits: Limits
    now: int

    def __call__(self, event: UserEvent) -> None:
        """Raises _Problem."""
        try:
            validate(event, None, self.now, self.limits)
        except BadRecordError as error:
            detail = error.detail
            if error.reason == "time_out_of_range":
                latest = self.now + self.limits.future_tolerance
                detail = f"time: {_day(event.time)} is not between {_day(self.limits.earliest)} and {_day(latest)}"
            raise _Problem(detail) from error


def read_events(file: BinaryIO, form: Format, checks: Checks) -> Iterator[UserEvent | BadLine]:
    """All events of a file, in its order.

    JSON lines have the fields of `UserEvent`, one object a line. CSV has them as columns, named in the first line;
    other columns become properties (numbers and true/false as such), those without a name are left out. `time` is
    ISO 8601 (UTC where no zone is given) or whole ms since 1970. An event without an id gets one from its line and
    content, the same each time that the file is read.

    Args:
        file: Open for reading bytes; `file.tell()` shows the progress.
        form: See `format_of`.
        checks: What must hold of each event.
    """
    lines = _Lines(file)
    if form == "jsonl":
        return _events(lines, lines, _fields_of_json, checks)
    return _csv_events(lines, checks)


class _Lines:
    """The lines of a file, none longer than `MAX_LINE`; goes on after a problem.

    Attributes:
        number: How many lines were read.
        bytes: How long they were together.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.number = 0
        self.bytes = 0
        self._file = file

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> bytes:
        raw = self._file.readline(MAX_LINE + 1)
        if not raw:
            raise StopIteration
        self.number += 1
        self.bytes += len(raw)
        if len(raw) > MAX_LINE:
            while raw and not raw.endswith(b"\n"):
                raw = self._file.readline(MAX_LINE)
            raise _Problem(f"longer than {MAX_LINE} bytes")
        return raw.removeprefix(codecs.BOM_UTF8) if self.number == 1 else raw


def _events(
    lines: _Lines, source: Iterator[Line], fields: Callable[[Line], Mapping[str, Any] | None], checks: Checks
) -> Iterator[UserEvent | BadLine]:
    """Events of whatever the source makes of the lines; `fields` gives None for an empty line."""
    while True:
        number, before = lines.number + 1, lines.bytes
        try:
            values = fields(next(source))
            event = None if values is None else _event(number, values)
            if event is not None:
                checks(event)
                _check_size(event, lines.bytes - before)
        except StopIteration:
            return
        except (_Problem, csv.Error) as problem:
            yield BadLine(number, str(problem))
        else:
            if event is not None:
                yield event


def _fields_of_json(raw: bytes) -> Mapping[str, Any] | None:
    if not raw.strip():
        return None
    try:
        values = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _Problem(f"not JSON: {error.msg} (character {error.pos + 1})") from error
    if not isinstance(values, dict):
        raise _Problem("not an object; give one event a line, in braces")
    for name in values:
        if name not in FIELDS:
            close = get_close_matches(name, FIELDS, n=1)
            raise _Problem(f"unknown field {name!r}; " + (f"did you mean {close[0]}?" if close else "use properties"))
    return values


def _check_size(event: UserEvent, line: int) -> None:
    # No event is larger than its line, so that few are encoded here.
    if line > MAX_EVENT and (size := len(encode(event))) > MAX_EVENT:
        raise _Problem(f"{size} bytes, more than Kafka takes ({MAX_EVENT}); send less text or fewer properties")


def _csv_events(lines: _Lines, checks: Checks) -> Iterator[UserEvent | BadLine]:
    rows = csv.reader(map(_text_of, lines), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        _check_header(header)
    except (_Problem, csv.Error) as problem:
        yield BadLine(1, str(problem))
        return
    yield from _events(lines, rows, partial(_fields_of_row, header), checks)


def _text_of(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise _Problem("not UTF-8; save the file as UTF-8") from error


def _check_header(header: list[str]) -> None:
    for name in ("user", "type", "time"):
        if name not in header:
            raise _Problem(f"no column {name!r}; the first line names the columns, with commas between")
    for name in header:
        if name and header.count(name) > 1:
            raise _Problem(f"two columns are named {name!r}")


def _fields_of_row(header: list[str], row: list[str]) -> Mapping[str, Any] | None:
    if not row:
        return None
    if len(row) != len(header):
        raise _Problem(f"{len(row)} columns where the first line has {len(header)}")
    given = {name: cell for name, cell in zip(header, row, strict=True) if name and cell}
    values: dict[str, Any] = {name: given.pop(name) for name in FIELDS[:-1] if name in given}
    values["properties"] = {name: _property_of(cell) for name, cell in given.items()}
    return values


def _property_of(cell: str) -> Property:
    """A number where it would be written the same way (`007` is no number), true or false, or the text itself."""
    if _WHOLE.fullmatch(cell):
        return int(cell)
    if _DECIMAL.fullmatch(cell):
        return float(cell)
    return {"true": True, "false": False}.get(cell.lower(), cell)


def _event(line: int, values: Mapping[str, Any]) -> UserEvent:
    user, type_ = _name(values, "user"), _name(values, "type")
    for name, value in (("user", user), ("type", type_)):
        if value is None:
            raise _Problem(f"{name}: missing")
    time, text, item = _time(values.get("time")), _text(values.get("text")), _name(values, "item")
    properties = _properties(values.get("properties"))
    id_ = _name(values, "id") or _id(line, user, type_, time, text, item, properties)
    return UserEvent(id=id_, user=str(user), type=str(type_), time=time, text=text, item=item, properties=properties)


def _id(line: int, *content: Any) -> str:
    """The same for the same content in the same line, whenever and wherever it is read."""
    return blake2b(orjson.dumps([line, *content], option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def _name(values: Mapping[str, Any], name: str) -> str | None:
    """A text that is not blank, or a whole number as text; None where there is none."""
    value = values.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is not None and not isinstance(value, str):
        raise _Problem(f"{name}: {_shown(value)} is not a text")
    return value if value and value.strip() else None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise _Problem(f"text: {_shown(value)} is not a text")


def _time(value: Any) -> int:
    if value is None or value == "":
        raise _Problem("time: missing; give ISO 8601 or ms since 1970")
    if isinstance(value, str):
        return _whole_ms(int(value)) if _WHOLE.fullmatch(value) else _iso_ms(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _whole_ms(value)
    raise _Problem(f"time: {_shown(value)} is not a time; give ISO 8601 or ms since 1970")


def _whole_ms(value: int) -> int:
    if 0 < value < _MS_OF_1973:
        raise _Problem(f"time: {value} looks like seconds; give ms since 1970, or ISO 8601")
    if abs(value) >= _LONG:
        raise _Problem(f"time: {value} is out of range; give ms since 1970")
    return value


def _iso_ms(value: str) -> int:
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError as error:
        raise _Problem(f"time: {_shown(value)} is not a time; give ISO 8601 or ms since 1970") from error
    return _milliseconds(parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed)


def _milliseconds(time: datetime) -> int:
    """Exact, where `timestamp()` rounds to a float."""
    past = time - datetime(1970, 1, 1, tzinfo=UTC)
    return past.days * 86_400_000 + past.seconds * 1000 + past.microseconds // 1000


def _day(time: int) -> str:
    """A time in ms for a message; it may be beyond any calendar."""
    try:
        return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return f"{time} ms"


def _properties(value: Any) -> dict[str, Property]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _Problem(f"properties: {_shown(value)} is not an object")
    for name, item in value.items():
        if isinstance(item, (dict, list)):
            raise _Problem(f"properties.{name}: {_shown(item)}; give a text, a number, true or false")
        if isinstance(item, int) and abs(item) >= _LONG:
            raise _Problem(f"properties.{name}: {item} is too large; give it as a text")
    return {name: item for name, item in value.items() if item is not None}


def _shown(value: Any) -> str:
    """A value for a message, not longer than a line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
