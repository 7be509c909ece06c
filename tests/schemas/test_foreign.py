"""Schemas that others wrote: what is read, and what a short message could make endless."""

import json

import pytest

from profilestream.schemas.catalogue import FOLDER, Catalogue
from profilestream.schemas.foreign import ForeignSchema


def record(name, *fields):
    """A record with fields of these types."""
    return {
        "type": "record",
        "name": name,
        "fields": [{"name": f"f{n}", "type": kind} for n, kind in enumerate(fields)],
    }


def nested(levels):
    """Records of records: with each level twice as many fields."""
    inner = record("R0", "int")
    for level in range(1, levels):
        inner = record(f"R{level}", inner, inner["name"])
    return inner


@pytest.mark.parametrize("name", Catalogue().names())
def test_our_own_schemas_are_read(name):
    """The rules do not hit the schemas that the topics are made of, and recognise them as ours."""
    schema = Catalogue().newest(name)
    foreign = ForeignSchema.parse((FOLDER / f"{schema}.avsc").read_text(), "schema 1")
    assert foreign.fingerprint == schema.fingerprint


@pytest.mark.parametrize(
    "schema",
    [
        record("R", {"type": "array", "items": ["null", "string"]}, {"type": "map", "values": "null"}),
        record("R", {"type": "enum", "name": "E", "symbols": ["A"]}, {"type": "array", "items": "E"}),
        record("R", {"type": "fixed", "name": "F", "size": 4}, {"type": "array", "items": "F"}),
        record("R", record("S", "int"), {"type": "array", "items": "S"}),
        nested(8),
    ],
    ids=["unions and maps", "enums", "fixed", "records", "a few levels"],
)
def test_ordinary_schemas_are_read(schema):
    """What people write in schemas is allowed."""
    assert ForeignSchema.parse(json.dumps(schema), "schema 1").label == "schema 1"


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (record("R", ["null", "R"]), "type R contains itself"),
        (record("R", {"type": "array", "items": "R"}), "type R contains itself"),
        (record("R", {"type": "map", "values": record("S", ["null", "R"])}), "type R contains itself"),
        (record("R", {"type": "array", "items": "null"}), "items take no bytes"),
        (record("R", {"type": "array", "items": record("S")}), "items take no bytes"),
        (record("R", {"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}), "items take no bytes"),
        (nested(40), "more than 10000 fields"),
        (record("R", "no such type"), "not an Avro schema"),
    ],
    ids=["list", "tree", "over two types", "nulls", "empty records", "fixed of 0", "multiplied", "unknown type"],
)
def test_endless_schemas_are_refused(schema, why):
    """With these, a message of a few bytes would overflow the stack, never end or fill the memory."""
    with pytest.raises(ValueError, match=why):
        ForeignSchema.parse(json.dumps(schema), "schema 1")


@pytest.mark.parametrize("text", ["", "{", "5", "[" * 100_000, '"int"x'])
def test_rubbish_is_refused(text):
    """A registry that gives something else than a schema does no harm."""
    with pytest.raises(ValueError, match="not an Avro schema"):
        ForeignSchema.parse(text, "schema 1")
