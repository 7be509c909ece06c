"""A stored profile's record read and written many rows at a time: the same bytes as the general Avro library's.

What is as long for every row is written by numpy for all rows at once, the rest joined row by row. Reading takes the
pieces apart; a value that is not as expected (an older schema, other lengths, damage) is None here, and the general
library decides what it is.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...schemas import avro_bytes
from ...schemas.avro_bytes import read_data, read_long
from ...schemas.catalogue import Catalogue
from ...schemas.codec import MARKER
from .evidence import Evidence

# Of version 1 of `profile-state`, whose order of fields is the one below.
_FINGERPRINT = bytes.fromhex("c46e0adc30ae5e02")
HEADER = MARKER + _FINGERPRINT
KNOWN = Catalogue().newest("profile-state").fingerprint == _FINGERPRINT

_DOUBLE = struct.Struct("<d")
_KEPT = 2048  # lists of evidence whose bytes are remembered, some 2 KB each at most


class Pieces(NamedTuple):
    """The fields of a value, those with arrays still packed."""

    t_ref: float
    first_seen: int
    last_seen: int
    events: int
    offsets: dict[str, int]
    recent: bytes
    weights: bytes
    types: bytes
    hours: bytes
    labels: bytes
    label_sums: bytes
    sentiment: bytes
    vector: bytes
    codes: bytes
    code_weights: bytes
    code_vectors: bytes
    evidence: tuple[Evidence, ...]
    model: str


def pieces_of(record: dict[str, Any]) -> Pieces:
    """The same of a record that the general library read."""
    return Pieces(**{**record, "evidence": tuple(Evidence(**item) for item in record["evidence"])})


def read(value: bytes) -> Pieces | None:
    """The pieces of a value; None where the general library has to look at it."""
    if not KNOWN or not value.startswith(HEADER):
        return None
    try:
        pieces, end = _read(value)
    except (IndexError, UnicodeDecodeError, struct.error):
        return None
    return pieces if end == len(value) else None


def _read(value: bytes) -> tuple[Pieces, int]:
    at = len(HEADER)
    (t_ref,) = _DOUBLE.unpack_from(value, at)
    first, at = read_long(value, at + 8)
    last, at = read_long(value, at)
    events, at = read_long(value, at)
    offsets, at = _read_offsets(value, at)
    arrays: list[bytes] = []
    for _ in range(11):
        # As read_data, with the common lengths in line: this is most of what reading costs.
        length = value[at]
        if length < 0x80:
            start = at + 1
        else:
            length = (length & 0x7F) | (value[at + 1] << 7)
            start = at + 2
            if length > 0x3FFF:
                raise IndexError
        at = start + (length >> 1)
        if length & 1 or at > len(value):
            raise IndexError
        arrays.append(value[start:at])
    items, at = _read_evidence(value, at)
    model, at = read_data(value, at)
    return Pieces._make((t_ref, first, last, events, offsets, *arrays, items, model.decode())), at


def _read_offsets(value: bytes, at: int) -> tuple[dict[str, int], int]:
    offsets: dict[str, int] = {}
    count, at = read_long(value, at)
    for _ in range(count):
        key, at = read_data(value, at)
        offsets[key.decode()], at = read_long(value, at)
    return offsets, _end_of_blocks(value, at, count)


def _end_of_blocks(value: bytes, at: int, count: int) -> int:
    """Where an array or map of one block ends."""
    if count < 0 or (count and value[at]):
        raise IndexError  # with its size in bytes, or of several blocks: allowed, and not how we write
    return at + 1 if count else at


def _read_evidence(value: bytes, at: int) -> tuple[tuple[Evidence, ...], int]:
    if not value[at]:
        return (), at + 1
    items, length = _evidence(value[at:])
    return items, at + length


def _evidence(value: bytes) -> tuple[tuple[Evidence, ...], int]:
    items = []
    count, at = read_long(value, 0)
    for _ in range(count):
        label, at = read_long(value, at)
        event, at = read_data(value, at)
        excerpt, at = read_data(value, at)
        key, confidence = _KEY_CONFIDENCE.unpack_from(value, at)
        time, at = read_long(value, at + _KEY_CONFIDENCE.size)
        items.append(Evidence(key, label, event.decode(), excerpt.decode(), confidence, time))
    return tuple(items), _end_of_blocks(value, at, count)


_KEY_CONFIDENCE = struct.Struct("<df")


@lru_cache(maxsize=_KEPT)
def evidence_bytes(items: tuple[Evidence, ...]) -> bytes:
    """A list of evidence as it is stored."""
    if not items:
        return b"\0"
    written = [
        avro_bytes.long(item.label)
        + avro_bytes.text(item.event)
        + avro_bytes.text(item.excerpt)
        + _KEY_CONFIDENCE.pack(item.key, item.confidence)
        + avro_bytes.long(item.time)
        for item in items
    ]
    return avro_bytes.long(len(items)) + b"".join(written) + b"\0"


def offsets_bytes(offsets: dict[str, int]) -> bytes:
    """Offsets by partition as they are stored."""
    if not offsets:
        return b"\0"
    written = [avro_bytes.name(partition) + avro_bytes.long(offset) for partition, offset in offsets.items()]
    return avro_bytes.long(len(offsets)) + b"".join(written) + b"\0"


def recent_bytes(ids: tuple[int, ...]) -> bytes:
    """Hashes of event ids as they are stored."""
    return avro_bytes.data(struct.pack(f"<{len(ids)}Q", *ids))


def fixed(*columns: NDArray[Any]) -> list[bytes]:
    """Fields that are as long for each of n rows, one after the other, each with its length; shapes (n, ...)."""
    rows = len(columns[0])
    parts: list[NDArray[np.uint8]] = []
    for column in columns:
        packed = np.ascontiguousarray(column).reshape(rows, -1).view(np.uint8).reshape(rows, -1)
        length = np.frombuffer(avro_bytes.long(packed.shape[1]), np.uint8)
        parts += [np.broadcast_to(length, (rows, len(length))), packed]
    return _rows(np.concatenate(parts, axis=1))


def _rows(packed: NDArray[np.uint8]) -> list[bytes]:
    data, width = packed.tobytes(), packed.shape[1]
    return [data[at : at + width] for at in range(0, len(data), width)] if width else [b""] * len(packed)


def ragged(values: NDArray[Any], bounds: Sequence[int]) -> list[bytes]:
    """Fields of different lengths: row i has the entries from bounds[i] to bounds[i + 1]."""
    data, size = values.tobytes(), values.dtype.itemsize * int(np.prod(values.shape[1:]))
    return [data[a * size : b * size] for a, b in pairwise(bounds)]
