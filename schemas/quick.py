"""The commonest form of an event, read in a fraction of the time that a general Avro reader takes.

What is short, plain and in order, as nearly every event without a text is, is read here in one pass over its bytes.
For anything else the answer is None, never an error: the general codec and the full validation then read the message
and say what is wrong with it. So nothing is accepted here that they would refuse, or read in another way.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from .avro_bytes import read_data, read_long
from .codec import MARKER, codec_of
from .events import Property, UserEvent
from .validation import SPOKEN_TYPES, Limits

_SHORT = 63  # bytes of a string whose length takes one byte

# The order of fields below is that of this schema; of any other one, the general codec knows.
_FINGERPRINT = bytes.fromhex("82d8e20b7fb45cc1")
_HEADER = MARKER + _FINGERPRINT if codec_of(UserEvent).newest.fingerprint == _FINGERPRINT else b"\xff" * 10
_START = len(_HEADER)

_new = tuple.__new__
_NONE: Mapping[str, Property] = MappingProxyType({})


class PlainEvent(NamedTuple):
    """An event without properties; its fields as those of `UserEvent`."""

    id: str
    user: str
    type: str
    time: int
    text: str | None
    item: str | None

    @property
    def properties(self) -> Mapping[str, Property]:
        """None."""
        return _NONE


ReadEvent = UserEvent | PlainEvent


def read_plain(data: bytes | None, key: bytes | None, produced: int, limits: Limits) -> PlainEvent | None:
    """A valid event, if it is one that can be read quickly.

    Args:
        data: The message.
        key: Its key; None where the producer gave none.
        produced: Its Kafka timestamp, in ms.
        limits: What is plausible.
    """
    if data is None or not data.startswith(_HEADER) or limits.max_id < _SHORT:
        return None
    try:
        read = _read(data, key)
    except (IndexError, UnicodeDecodeError):
        return None
    return read if read is not None and _plausible(read, produced, limits) else None


def _read(data: bytes, key: bytes | None) -> PlainEvent | None:
    # A length of one byte is even and below 128: its last bit is the sign, its first one says that more follow.
    length = data[_START]
    start, at = _START + 1, _START + 1 + (length >> 1)
    event, odd = data[start:at], length
    length = data[at]
    start, at = at + 1, at + 1 + (length >> 1)
    user, odd = data[start:at], odd | length
    length = data[at]
    start, at = at + 1, at + 1 + (length >> 1)
    kind, odd = data[start:at], odd | length
    if odd & 0x81 or (key is not None and key != user):
        return None
    time, at = _time(data, at)
    text, at = _optional(data, at) if data[at] else (None, at + 1)
    item, at = _optional(data, at) if data[at] else (None, at + 1)
    if data[at] or at + 1 != len(data) or (item is not None and len(item) > _SHORT):
        return None  # properties, or not the end
    said, thing = None if text is None else text.decode(), None if item is None else item.decode()
    # As PlainEvent(...), without the call of a Python function that a named tuple makes of it.
    return _new(PlainEvent, (event.decode(), user.decode(), kind.decode(), time, said, thing))


def _time(data: bytes, at: int) -> tuple[int, int]:
    """As `read_long`, at once for numbers of six bytes, as times are from 1971 to 2109."""
    six = int.from_bytes(data[at : at + 6], "little")
    if six & 0x8080_8080_8080 != 0x0080_8080_8080:
        return read_long(data, at)
    value = (
        (six & 0x7F)
        | (six >> 1 & 0x3F80)
        | (six >> 2 & 0x1F_C000)
        | (six >> 3 & 0xFE0_0000)
        | (six >> 4 & 0x7_F000_0000)
        | (six >> 5 & 0x3F8_0000_0000)
    )
    return value >> 1 ^ -(value & 1), at + 6


def _optional(data: bytes, at: int) -> tuple[bytes, int]:
    """The bytes of an optional string that is there, and where it ends."""
    if data[at] != 2:
        raise IndexError
    return read_data(data, at + 1)


def _plausible(event: PlainEvent, produced: int, limits: Limits) -> bool:
    """Whether `validate` would find nothing."""
    if event.text is None:
        spoken = event.type not in SPOKEN_TYPES
    else:
        spoken = len(event.text) <= limits.max_text and (bool(event.text.strip()) or event.type not in SPOKEN_TYPES)
    return (
        spoken
        and limits.earliest <= event.time <= produced + limits.future_tolerance
        and bool(event.id.strip() and event.user.strip())
    )
