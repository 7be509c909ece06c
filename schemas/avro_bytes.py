"""Avro's binary encoding of single values, for records that are written and read too often for a general library.

See the Avro 1.12 specification, "Binary Encoding". Numbers are variable-length zig-zag; strings and bytes have their
length before them.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_MOST_BYTES = 10  # of a number of 64 bits, seven in each
_MOST_SMALL = 8192  # nearly all lengths and counts are smaller: those of two bytes


def long(value: int) -> bytes:
    """A number of at most 64 bits."""
    return _SMALL[value] if 0 <= value < _MOST_SMALL else _long(value)


def _long(value: int) -> bytes:
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append((rest & 0x7F) | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


_SMALL = [_long(value) for value in range(_MOST_SMALL)]


def longs(values: NDArray[np.int64]) -> list[bytes]:
    """Many numbers at once."""
    zigzag = ((values << 1) ^ (values >> 63)).view(np.uint64)
    parts = zigzag[:, None] >> (7 * np.arange(_MOST_BYTES, dtype=np.uint64))
    size = np.maximum(1, (parts != 0).sum(axis=1))
    more = np.arange(_MOST_BYTES) < size[:, None] - 1
    packed = ((parts & np.uint64(0x7F)) | np.where(more, np.uint64(0x80), np.uint64(0))).astype(np.uint8).tobytes()
    return [packed[at : at + n] for at, n in zip(range(0, len(packed), _MOST_BYTES), size.tolist(), strict=True)]


def data(value: bytes) -> bytes:
    """Bytes, with their length before them."""
    return long(len(value)) + value


def text(value: str) -> bytes:
    """A string."""
    return data(value.encode())


@lru_cache(maxsize=4096)
def name(value: str) -> bytes:
    """A string that comes again and again."""
    return text(value)


def read_long(value: bytes, at: int) -> tuple[int, int]:
    """A number, and where it ends.

    Raises:
        IndexError: It does not end, or is longer than 64 bits.
    """
    byte = value[at]
    at += 1
    number, shift = byte & 0x7F, 7
    while byte > 0x7F:
        byte = value[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if shift > 70:
            raise IndexError
    return number >> 1 ^ -(number & 1), at


def read_data(value: bytes, at: int) -> tuple[bytes, int]:
    """Bytes, and where they end.

    Raises:
        IndexError: They are cut short.
    """
    length, start = read_long(value, at)
    end = start + length
    if length < 0 or end > len(value):
        raise IndexError
    return value[start:end], end
