"""Updates of profiles written without the general Avro library, in a third of its time: the same bytes."""

import struct
from collections.abc import Sequence
from functools import lru_cache

from .avro_bytes import data, long, name, text
from .events import Evidence, Interest, ProfileUpdate

UPDATE_FINGERPRINT = bytes.fromhex("e0d9ee3713dfabb1")
"""Of the schema whose order of fields is the one below."""

_DOUBLE = struct.Struct("<d")
_LARGEST_INT = 2**31 - 1
_LARGEST_LONG = 2**63 - 1
_KEPT = 2048  # lists of evidence whose bytes are remembered: from one update to the next most stay


def update_body(update: ProfileUpdate) -> bytes | None:
    """An update without its header; None where a value is not of its field's type or range."""
    numbers = (update.revision, update.offset, update.time, update.events)
    try:
        if min(numbers) < -_LARGEST_LONG or max(numbers) > _LARGEST_LONG or not 0 <= update.partition <= _LARGEST_INT:
            return None
        return b"".join(
            (
                text(update.user),
                long(update.revision),
                name(update.model_version),
                name(update.topic),
                long(update.partition),
                long(update.offset),
                long(update.time),
                long(update.events),
                _interests(update.interests),
                _interests(update.recent_interests),
                _optional(update.sentiment),
                _optional(update.sentiment_spread),
                _evidence(update.evidence),
                data(update.state),
            )
        )
    except (AttributeError, TypeError, UnicodeEncodeError, struct.error):
        return None


def _interests(items: Sequence[Interest]) -> bytes:
    if not items:
        return b"\0"
    written = [name(item.label) + _DOUBLE.pack(item.share) for item in items]
    return long(len(items)) + b"".join(written) + b"\0"


def _optional(value: float | None) -> bytes:
    return b"\0" if value is None else b"\2" + _DOUBLE.pack(value)


@lru_cache(maxsize=_KEPT)
def _evidence(items: tuple[Evidence, ...]) -> bytes:
    if not items:
        return b"\0"
    written = [
        name(item.label) + text(item.event) + text(item.excerpt) + _DOUBLE.pack(item.confidence) + long(item.time)
        for item in items
    ]
    return long(len(items)) + b"".join(written) + b"\0"
