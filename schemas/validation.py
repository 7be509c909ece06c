"""What a user event must satisfy before it may change a profile.

The rules look at the message and at nothing else: its time is judged against its own Kafka timestamp, never against
today's clock, so that a replay years later accepts and refuses exactly the same events.
"""

import math
from dataclasses import dataclass

from .errors import BadRecordError
from .events import UserEvent

SPOKEN_TYPES = frozenset({"search", "message", "review"})
"""Event types that mean nothing without a text."""

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where a plausible event ends.

    Attributes:
        earliest: Times before this are refused, in ms; by default 2000-01-01 UTC. Catches times in seconds, and 1970.
        future_tolerance: How far an event's time may lie after its message's Kafka timestamp, in ms.
        max_text: Longest text, in characters.
        max_id: Longest event id, user id or item, in characters: these are stored in profiles and keys.
    """

    earliest: int = 946_684_800_000
    future_tolerance: int = DAY_MS
    max_text: int = 100_000
    max_id: int = 512


def validate(event: UserEvent, key: bytes | None, produced: int, limits: Limits) -> UserEvent:
    """The event itself, if it may be applied.

    Args:
        event: As decoded.
        key: The Kafka message's key; None where the producer gave none.
        produced: The Kafka message's timestamp, in ms.
        limits: What is plausible.

    Raises:
        BadRecordError: `empty_user`, `missing_id`, `id_too_long`, `key_mismatch`, `time_out_of_range`, `not_a_number`,
            `missing_text` or `text_too_long`.
    """
    _check_identity(event, key, limits)
    _check_time(event.time, produced, limits)
    _check_numbers(event)
    _check_text(event, limits)
    return event


def _check_identity(event: UserEvent, key: bytes | None, limits: Limits) -> None:
    if not event.user.strip():
        raise BadRecordError("empty_user", "user is blank")
    if not event.id.strip():
        raise BadRecordError("missing_id", "id is blank")
    for name, value in (("id", event.id), ("user", event.user), ("item", event.item)):
        if value is not None and len(value) > limits.max_id:
            raise BadRecordError(
                "id_too_long", f"{name} has {len(value)} characters, at most {limits.max_id} are allowed"
            )
    if key is not None and key != event.user.encode():
        raise BadRecordError("key_mismatch", "the message's key is not its user: its events would come out of order")


def _check_time(time: int, produced: int, limits: Limits) -> None:
    if time < limits.earliest:
        raise BadRecordError("time_out_of_range", f"time {time} ms is before {limits.earliest} ms")
    if time > produced + limits.future_tolerance:
        raise BadRecordError(
            "time_out_of_range",
            f"time {time} ms is more than {limits.future_tolerance} ms after the message's {produced}",
        )


def _check_numbers(event: UserEvent) -> None:
    for name, value in event.properties.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise BadRecordError("not_a_number", f"property {name[:100]!r} is {value}")


def _check_text(event: UserEvent, limits: Limits) -> None:
    text = event.text
    if text is not None and len(text) > limits.max_text:
        raise BadRecordError("text_too_long", f"text has {len(text)} characters, at most {limits.max_text} are allowed")
    if event.type in SPOKEN_TYPES and (text is None or not text.strip()):
        raise BadRecordError("missing_text", f"a {event.type} needs a text")
