"""Records on the wire in both formats, with the registry's stand-in and with Confluent's own client."""

import asyncio
import json

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from profilestream.schemas import codec
from profilestream.schemas.catalogue import FOLDER
from profilestream.schemas.errors import BadRecordError, ConfigurationError, RegistryUnavailableError
from profilestream.schemas.events import Evidence, Feedback, Interest, ModelEvent, ProfileUpdate, UserEvent
from profilestream.schemas.registry import SchemaRegistry
from profilestream.schemas.wire import Wire

EVENT = UserEvent(
    id="e1", user="ann", type="search", time=1_700_000_000_000, text="red shoes", properties={"price": 9.5, "rank": 3}
)
UPDATE = ProfileUpdate(
    user="ann",
    revision=7,
    model_version="encoder-v1",
    topic="user-events",
    partition=3,
    offset=42,
    time=1_700_000_000_000,
    events=9,
    interests=(Interest(label="shoes", share=0.75),),
    sentiment=0.5,
    sentiment_spread=0.25,
    evidence=(Evidence(label="shoes", event="e1", excerpt="red shoes", confidence=0.5, time=1_700_000_000_000),),
    state=b"\x00\x01",
)
RECORDS = [
    ("user-events", EVENT),
    ("profile-updates", UPDATE),
    ("feedback", Feedback(id="f", user="ann", task="interest", label="dogs", time=1_700_000_000_000, text="woof")),
    ("model-events", ModelEvent(kind="head", name="interest", version=2, location="x", sha256="00", time=1)),
]


def schema_text(name):
    """A schema as its file has it."""
    return (FOLDER / f"{name}.v1.avsc").read_text()


def user_event(change):
    """The schema of user events, changed."""
    schema = json.loads(schema_text("user-event"))
    change(schema["fields"])
    return json.dumps(schema)


NAMES = {UserEvent: "user-event", ProfileUpdate: "profile-update", Feedback: "feedback", ModelEvent: "model-event"}


def as_values(record):
    """A record as the mapping that Confluent's client takes and gives."""
    return codec.decode_record(NAMES[type(record)], codec.encode(record))


def in_milliseconds(node):
    """Values with the times that Confluent's client makes of `timestamp-millis` as numbers again."""
    if isinstance(node, dict):
        return {name: in_milliseconds(value) for name, value in node.items()}
    if isinstance(node, list):
        return [in_milliseconds(value) for value in node]
    return round(node.timestamp() * 1000) if hasattr(node, "timestamp") else node


@pytest.fixture
async def registry(server):
    """A client of the stand-in."""
    registry = SchemaRegistry(server.url, timeout=2.0)
    yield registry
    await registry.close()


@pytest.fixture
async def wire(registry):
    """A wire with it that gives up doubts at once."""
    return Wire(registry, doubt=0.0)


def with_id(number, body):
    """A message in Confluent's format."""
    return b"\x00" + number.to_bytes(4, "big") + body


async def read(wire, value, kind=UserEvent):
    """A message, as the engine reads it."""
    await wire.prepare([value])
    return wire.decode(kind, value)


async def refusal(wire, value, kind=UserEvent):
    """Why a message is refused."""
    with pytest.raises(BadRecordError) as caught:
        await read(wire, value, kind)
    return caught.value


@pytest.mark.parametrize(("topic", "record"), RECORDS, ids=[topic for topic, _ in RECORDS])
async def test_what_confluents_serializer_writes_is_read(server, wire, topic, record):
    """A producer with Confluent's own client needs to know nothing of us but the schema."""
    client = SchemaRegistryClient({"url": server.url})
    serialize = AvroSerializer(client, schema_text(NAMES[type(record)]))
    written = await asyncio.to_thread(serialize, as_values(record), SerializationContext(topic, MessageField.VALUE))

    assert await read(wire, written, type(record)) == record


@pytest.mark.parametrize(("topic", "record"), RECORDS, ids=[topic for topic, _ in RECORDS])
async def test_what_we_write_confluents_deserializer_reads(server, wire, topic, record):
    """A consumer with Confluent's own client finds the schema by itself, under the subject that it expects."""
    await wire.register(type(record), topic)
    deserialize = AvroDeserializer(SchemaRegistryClient({"url": server.url}))
    context = SerializationContext(topic, MessageField.VALUE)

    values = await asyncio.to_thread(deserialize, wire.encode(record), context)

    assert in_milliseconds(values) == as_values(record)
    assert list(server.subjects) == [f"{topic}-value"]


async def test_both_formats_are_read_at_once(server, wire):
    """A topic may change from one format to the other without a stop: both are read, in one batch."""
    await wire.register(UserEvent, "user-events")
    values = [codec.encode(EVENT), wire.encode(EVENT)]
    await wire.prepare(values)

    assert values[0][:2] == b"\xc3\x01"
    assert values[1][:5] == b"\x00\x00\x00\x00\x01"
    assert [wire.decode(UserEvent, value) for value in values] == [EVENT, EVENT]


async def test_without_a_registry_nothing_changes():
    """Who has no registry writes and reads single-object encoding, and is told what a registry's message needs."""
    wire = Wire()
    await wire.register(UserEvent, "user-events")

    assert wire.encode(EVENT) == codec.encode(EVENT)
    assert await read(wire, codec.encode(EVENT)) == EVENT
    refused = await refusal(wire, with_id(1, b"body"))
    assert (refused.reason, "schema_registry_url" in refused.detail) == ("not_avro", True)


async def test_schema_with_more_fields_is_read(server, wire):
    """A producer ahead of us with a field of its own does no harm: the field is left out."""
    newer = user_event(lambda fields: fields.insert(0, {"name": "locale", "type": "string"}))
    client = SchemaRegistryClient({"url": server.url})
    serialize = AvroSerializer(client, newer)
    values = as_values(EVENT) | {"locale": "de"}
    written = await asyncio.to_thread(serialize, values, SerializationContext("user-events", MessageField.VALUE))

    assert await read(wire, written) == EVENT
    assert (await refusal(wire, written[:-3])).reason == "undecodable"


async def test_cut_in_a_field_that_we_do_not_have_is_seen(server, wire):
    """A message that lost its end is refused also where what it lost is of no interest to us."""
    newer = user_event(lambda fields: fields.append({"name": "note", "type": "string"}))
    body = codec.encode(EVENT)[10:] + b"\x14ten"

    assert (await refusal(wire, with_id(server.put(newer), body))).reason == "undecodable"


async def test_ids_are_looked_up_once(server, wire):
    """The registry is asked once for an id, however many messages and batches have it."""
    value = with_id(server.put(schema_text("user-event")), codec.encode(EVENT)[10:])
    await asyncio.gather(*[wire.prepare([value] * 100) for _ in range(5)])
    await wire.prepare([value])

    assert server.requests == ["GET /schemas/ids/1"]


async def test_unknown_id_is_a_bad_record(server, wire):
    """An id that the registry does not know is the message's fault, and is not asked for with every message."""
    value = with_id(77, b"body")
    refused = await refusal(wire, value)
    asked = len(server.requests)

    assert refused.reason == "unknown_schema"
    assert "has no schema 77" in refused.detail
    assert (await refusal(wire, value)).reason == "unknown_schema"
    assert len(server.requests) == asked


async def test_refused_id_is_asked_for_again_later(server, registry):
    """A schema that is registered after its first message is found when the refusal has expired."""
    wire = Wire(registry, doubt=0.0, forget=0.0)
    body = codec.encode(EVENT)[10:]
    assert (await refusal(wire, with_id(1, body))).reason == "unknown_schema"
    server.put(schema_text("user-event"))

    assert await read(wire, with_id(1, body)) == EVENT


async def test_replica_that_lags_costs_no_message(server, wire):
    """A schema that a replica of the registry does not have yet is asked for twice before a message is given up."""
    value = with_id(server.put(schema_text("user-event")), codec.encode(EVENT)[10:])
    server.lagging = 1

    assert await read(wire, value) == EVENT


@pytest.mark.parametrize("number", [2**31, 2**32 - 1])
async def test_impossible_id_is_not_asked_for(server, wire, number):
    """An id that no registry can have is refused without a request, which it would answer with an error."""
    assert (await refusal(wire, with_id(number, b"body"))).reason == "unknown_schema"
    assert server.requests == []


@pytest.mark.parametrize(
    ("text", "kind", "why"),
    [
        ('syntax = "proto3";', "PROTOBUF", "is PROTOBUF, not AVRO"),
        ('{"type": "recor', "AVRO", "not an Avro schema"),
        (schema_text("feedback"), "AVRO", "cannot be read as a user-event"),
    ],
    ids=["protobuf", "no schema", "another record"],
)
async def test_schema_of_something_else_is_a_bad_record(server, wire, text, kind, why):
    """A message that has nothing to do on its topic is refused with the reason."""
    refused = await refusal(wire, with_id(server.put(text, kind), codec.encode(EVENT)[10:]))
    assert refused.reason == "unknown_schema"
    assert why in refused.detail


async def test_registry_that_is_down_is_waited_for(server, wire):
    """While the registry is away, nothing is judged; when it is back, the message is read."""
    value = with_id(server.put(schema_text("user-event")), codec.encode(EVENT)[10:])
    server.stop()
    with pytest.raises(RegistryUnavailableError, match="does not answer"):
        await wire.prepare([value])
    server.start()

    assert await read(wire, value) == EVENT


async def test_proxys_error_page_is_no_answer(server, wire):
    """'Not found' from something that is no registry never sends good messages to dead-letters."""
    value = with_id(server.put(schema_text("user-event")), codec.encode(EVENT)[10:])
    server.page = b"<html>404 Not Found</html>"
    with pytest.raises(RegistryUnavailableError, match="not the answer of a schema registry"):
        await wire.prepare([value])
    server.page = None

    assert await read(wire, value) == EVENT


async def test_password_that_no_longer_works_is_waited_for(server, wire):
    """A password that was changed at the registry is not the messages' fault."""
    server.login = ("ann", "new")
    with pytest.raises(RegistryUnavailableError, match="401"):
        await wire.prepare([with_id(1, b"body")])


async def test_registering_twice_gives_the_same_id(server, registry):
    """A worker that starts again registers nothing new."""
    first, second = Wire(registry), Wire(registry)
    for wire in (first, second):
        await wire.register(UserEvent, "user-events")

    assert first.encode(EVENT) == second.encode(EVENT)
    assert server.subjects == {"user-events-value": [1]}


async def test_old_version_starts_again_after_the_new_one(server, wire):
    """Going back to the version before an upgrade is possible: its schema is still registered."""
    await wire.register(UserEvent, "user-events")
    newer = user_event(lambda fields: fields.append({"name": "locale", "type": "string", "default": ""}))
    server.subjects["user-events-value"].append(server.put(newer))

    await wire.register(UserEvent, "user-events")

    assert wire.encode(EVENT)[:5] == b"\x00\x00\x00\x00\x01"


@pytest.mark.parametrize("level", ["BACKWARD", "NONE"])
async def test_incompatible_change_is_refused_before_anything_is_written(server, wire, level):
    """A schema that cannot read what is on the topic is refused, whatever the registry would allow."""
    server.level = level
    server.subjects["user-events-value"] = [
        server.put(user_event(lambda fields: fields[3].update(type={"type": "string"})))
    ]
    with pytest.raises(ConfigurationError, match="not compatible") as caught:
        await wire.register(UserEvent, "user-events")

    assert len(str(caught.value)) < 500
    assert len(server.subjects["user-events-value"]) == 1
    with pytest.raises(KeyError):
        wire.encode(EVENT)


async def test_flood_of_unknown_ids_is_bounded(server, wire, monkeypatch):
    """Messages with ever new ids do not fill the memory, and do not make known schemas unreadable."""
    monkeypatch.setattr("profilestream.schemas.wire.MOST_IDS", 10)
    value = with_id(server.put(schema_text("user-event")), codec.encode(EVENT)[10:])
    for number in range(100, 140):
        await refusal(wire, with_id(number, b"body"))
    assert await read(wire, value) == EVENT
    assert len(wire._schemas) <= 12
