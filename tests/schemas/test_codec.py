"""The codec: what comes out is what went in, and rubbish is refused without harm."""

import contextlib
import io
import json
import struct

import avro.io
import avro.schema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profilestream.schemas.catalogue import FOLDER, Catalogue
from profilestream.schemas.codec import (
    RecordCodec,
    decode_dead_letter,
    decode_event,
    decode_feedback,
    decode_model_event,
    decode_record,
    decode_update,
    encode,
    encode_record,
)
from profilestream.schemas.errors import BadRecordError
from profilestream.schemas.events import DeadLetter, Evidence, Feedback, Interest, ModelEvent, ProfileUpdate, UserEvent

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
longs = st.integers(-(2**63), 2**63 - 1)
ints = st.integers(-(2**31), 2**31 - 1)
doubles = st.floats(allow_nan=False)
optional_texts = st.none() | texts

events = st.builds(
    UserEvent,
    id=texts,
    user=texts,
    type=texts,
    time=longs,
    text=optional_texts,
    item=optional_texts,
    properties=st.dictionaries(texts, texts | longs | doubles | st.booleans(), max_size=4),
)
feedback = st.builds(
    Feedback,
    id=texts,
    user=texts,
    task=texts,
    label=texts,
    time=longs,
    text=optional_texts,
    event=optional_texts,
)
interests = st.lists(st.builds(Interest, label=texts, share=doubles), max_size=3).map(tuple)
evidence = st.builds(Evidence, label=texts, event=texts, excerpt=texts, confidence=doubles, time=longs)
updates = st.builds(
    ProfileUpdate,
    user=texts,
    revision=longs,
    model_version=texts,
    topic=texts,
    partition=ints,
    offset=longs,
    time=longs,
    events=longs,
    interests=interests,
    recent_interests=interests,
    sentiment=st.none() | doubles,
    sentiment_spread=st.none() | doubles,
    evidence=st.lists(evidence, max_size=2).map(tuple),
    state=st.binary(max_size=64),
)
dead_letters = st.builds(DeadLetter, reason=texts, detail=texts, topic=texts, partition=ints, offset=longs, time=longs)
model_events = st.builds(
    ModelEvent,
    kind=texts,
    name=texts,
    version=longs,
    location=texts,
    sha256=texts,
    time=longs,
    properties=st.dictionaries(texts, texts, max_size=3),
)

UPDATE = ProfileUpdate(user="ann", revision=1, model_version="m", topic="t", partition=0, offset=1, time=1, events=1)
EVENT = UserEvent(id="e1", user="ann", type="message", time=1_700_000_000_000, text="hello", properties={"stars": 5})
STATE = {
    "t_ref": 1_700_000_000_000.5,
    "first_seen": 1_600_000_000_000,
    "last_seen": 1_700_000_000_000,
    "events": 3,
    "offsets": {"user-events-0": 41},
    "recent": b"12345678",
    "weights": struct.pack("<2d", 1.5, 2.5),
    "types": b"",
    "hours": b"",
    "labels": struct.pack("<2H", 3, 33),
    "label_sums": struct.pack("<4f", 1, 2, 3, 4),
    "sentiment": b"",
    "vector": bytes(768),
    "codes": b"",
    "code_weights": b"",
    "code_vectors": b"",
    "evidence": [{"label": 3, "event": "e1", "excerpt": "hi", "key": 0.5, "confidence": 0.75, "time": 1}],
    "model": "encoder-v1",
}


def reason_of(data, decode=decode_event):
    """Why this message is refused."""
    with pytest.raises(BadRecordError) as caught:
        decode(data)
    return caught.value.reason


@given(events)
def test_event_round_trip(event):
    """Every event that can be written is read back as it was, whole numbers and fractions apart."""
    read = decode_event(encode(event))
    assert read == event
    assert {name: type(value) for name, value in read.properties.items()} == {
        name: type(value) for name, value in event.properties.items()
    }


@given(feedback)
def test_feedback_round_trip(record):
    """Feedback is read back as it was."""
    assert decode_feedback(encode(record)) == record


@given(updates)
def test_update_round_trip(record):
    """A profile update is read back as it was, with its interests, its evidence and every byte of its state."""
    assert decode_update(encode(record)) == record


@given(dead_letters)
def test_dead_letter_round_trip(record):
    """A dead letter's header is read back as it was."""
    assert decode_dead_letter(encode(record)) == record


@given(model_events)
def test_model_event_round_trip(record):
    """A model event is read back as it was."""
    assert decode_model_event(encode(record)) == record


def test_state_round_trip():
    """A stored profile is read back as it was, byte for byte in its arrays."""
    assert decode_record("profile-state", encode_record("profile-state", STATE)) == STATE


def test_header_is_single_object_encoding():
    """A message says which schema wrote it: marker, then the fingerprint of the newest version."""
    assert encode(EVENT)[:10] == b"\xc3\x01" + Catalogue().newest("user-event").fingerprint


def test_body_is_read_by_another_library():
    """A consumer with Apache's own library gets the same event, with its time as a time."""
    published = avro.schema.parse((FOLDER / "user-event.v1.avsc").read_text())
    body = avro.io.BinaryDecoder(io.BytesIO(encode(EVENT)[10:]))
    read = avro.io.DatumReader(published).read(body)
    assert read["user"] == "ann"
    assert read["time"].isoformat() == "2023-11-14T22:13:20+00:00"


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data):
    """Whatever is on the topic, only BadRecordError comes out."""
    assert reason_of(data) in {"not_avro", "unknown_schema"}


@given(st.sampled_from([decode_event, decode_update]), st.binary(max_size=200))
def test_any_body_is_refused_or_read(decode, body):
    """A right header with rubbish behind it does no harm: it is read, or refused."""
    header = encode(EVENT if decode is decode_event else UPDATE)[:10]
    with contextlib.suppress(BadRecordError):
        decode(header + body)


@given(updates, st.data())
def test_damaged_messages_are_refused_or_read(record, data):
    """A message with one byte changed does no harm: it is read, or refused."""
    whole = bytearray(encode(record))
    position = data.draw(st.integers(10, len(whole) - 1))
    whole[position] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadRecordError):
        decode_update(bytes(whole))


@given(events, st.integers(min_value=1))
def test_cut_messages_are_refused(event, cut):
    """A message that lost its end is never taken for a shorter one."""
    whole = encode(event)
    assert reason_of(whole[: -(cut % len(whole)) or -1]) in {"not_avro", "undecodable"}


def test_trailing_bytes_are_refused():
    """A message that goes on after its record is not what its producer meant."""
    assert reason_of(encode(EVENT) + b"\x00") == "undecodable"


@pytest.mark.parametrize("length", [2**62, 2**40, -1, -(2**62)])
def test_huge_declared_length_is_refused(length):
    """A message of 20 bytes that claims to hold a text of exabytes is refused before anything is reserved for it."""
    zigzag = (length << 1) ^ (length >> 63)
    number = bytearray()
    while zigzag > 0x7F:
        number.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    number.append(zigzag)
    assert reason_of(encode(EVENT)[:10] + bytes(number) + b"abc") == "undecodable"


def test_unknown_fingerprint_is_named():
    """A message of a schema from the future says which one, so that someone can look for it."""
    with pytest.raises(BadRecordError, match="0102030405060708 is not known") as caught:
        decode_event(b"\xc3\x01" + bytes(range(1, 9)) + b"body")
    assert caught.value.reason == "unknown_schema"


def test_record_of_another_topic_is_named():
    """Feedback sent to user-events by mistake is refused as what it is."""
    record = Feedback(id="f", user="ann", task="interest", label="dogs", time=1)
    with pytest.raises(BadRecordError, match=r"it is a feedback\.v1; expected a user-event") as caught:
        decode_event(encode(record))
    assert caught.value.reason == "unknown_schema"


@pytest.mark.parametrize("data", [b"", b"\xc3", b"\xc3\x01", b"\xc3\x01short", b"{}", b"\x00\x00\x00\x00\x01abc"])
def test_other_formats_are_not_avro(data):
    """JSON, nothing, a bare marker or another framing is told apart from a damaged record."""
    assert reason_of(data) == "not_avro"


def test_message_without_value_is_a_tombstone():
    """An empty value is a tombstone, not rubbish."""
    assert reason_of(None) == "tombstone"


@pytest.mark.parametrize("wrong", [{"time": 2**63}, {"text": 5}, {"user": None}, {"properties": {"tags": ["a"]}}])
def test_unencodable_values_are_refused(wrong):
    """A producer that gives a wrong value learns it before anything is sent."""
    values = {"id": "e", "user": "ann", "type": "click", "time": 1, "text": None, "item": None, "properties": {}}
    with pytest.raises(BadRecordError, match="unencodable"):
        encode(UserEvent(**(values | wrong)))


def test_older_version_is_read_as_the_newest(tmp_path):
    """After an upgrade, messages still on the topic from the old producer are read, with defaults for what is new."""
    old = {
        "type": "record",
        "name": "UserEvent",
        "namespace": "profilestream",
        "fields": [{"name": name, "type": "string"} for name in ("id", "user", "type")]
        + [{"name": "time", "type": {"type": "long", "logicalType": "timestamp-millis"}}],
    }
    (tmp_path / "user-event.v1.avsc").write_text(json.dumps(old))
    written = RecordCodec(Catalogue(tmp_path), "user-event", UserEvent).encode(EVENT)
    newer = (FOLDER / "user-event.v1.avsc").read_text()
    (tmp_path / "user-event.v2.avsc").write_text(newer)

    read = RecordCodec(Catalogue(tmp_path), "user-event", UserEvent).decode(written)

    assert read == UserEvent(id="e1", user="ann", type="message", time=EVENT.time)
