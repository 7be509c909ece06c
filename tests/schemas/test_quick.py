"""Events read quickly are those that the general codec and the validation take, and no others."""

from hypothesis import given
from hypothesis import strategies as st

from profilestream.schemas.codec import decode_event, encode
from profilestream.schemas.errors import BadRecordError
from profilestream.schemas.events import UserEvent
from profilestream.schemas.quick import PlainEvent, read_plain
from profilestream.schemas.validation import Limits, validate

NOW = 1_700_000_000_000
LIMITS = Limits(max_text=100)

words = st.text(max_size=80) | st.just("user")
events = st.builds(
    UserEvent,
    id=words,
    user=words,
    type=words | st.sampled_from(["click", "message"]),
    time=st.integers(-(2**63), 2**63 - 1) | st.integers(NOW - 10, NOW + 10),
    text=st.none() | st.text(max_size=120),
    item=st.none() | words,
    properties=st.dictionaries(words, st.booleans() | st.integers(0, 9), max_size=1),
)


def whole(event: PlainEvent) -> UserEvent:
    """The same as a record."""
    return UserEvent(**event._asdict(), properties=dict(event.properties))


def judged(data: bytes, key: bytes | None) -> UserEvent | None:
    """What the general way says."""
    try:
        return validate(decode_event(data), key, NOW, LIMITS)
    except BadRecordError:
        return None


@given(events, st.booleans() | st.none())
def test_what_is_read_is_what_the_general_way_reads(event: UserEvent, keyed: bool | None) -> None:
    """With the right key, a wrong one and none: the same event, or nothing."""
    data = encode(event)
    key = None if keyed is None else event.user.encode() if keyed else b"somebody"
    if (found := read_plain(data, key, NOW, LIMITS)) is not None:
        assert whole(found) == judged(data, key)


def test_common_events_are_read() -> None:
    """A click and a message: what it is there for."""
    for event in (
        UserEvent(id="e1", user="ada", type="click", time=NOW, item="page"),
        UserEvent(id="e2", user="ada", type="message", time=NOW, text="hello " * 15),
    ):
        found = read_plain(encode(event), b"ada", NOW, LIMITS)
        assert found is not None
        assert whole(found) == event


@given(events, st.data())
def test_damaged_messages_are_never_taken_for_others(event: UserEvent, data) -> None:
    """Cut or altered anywhere: what is read then, the general way reads too."""
    value = encode(event)
    at = data.draw(st.integers(0, len(value) - 1))
    for damaged in (value[:at], value[:at] + bytes([data.draw(st.integers(0, 255))]) + value[at + 1 :], value + b"\0"):
        if (found := read_plain(damaged, None, NOW, LIMITS)) is not None:
            assert whole(found) == judged(damaged, None)
