"""The catalogue: every schema is found by name and by fingerprint."""

import dataclasses
import json

import avro.schema
import pytest
from fastavro.schema import fingerprint

from profilestream.schemas.catalogue import FOLDER, Catalogue
from profilestream.schemas.errors import ArtefactError
from profilestream.schemas.events import DeadLetter, DriftReport, Feedback, ModelEvent, ProfileUpdate, UserEvent

RECORDS = {
    "user-event": UserEvent,
    "feedback": Feedback,
    "profile-update": ProfileUpdate,
    "dead-letter": DeadLetter,
    "model-event": ModelEvent,
    "drift-report": DriftReport,
}


def write(folder, file_name, **fields):
    """Put a schema with these fields into a folder."""
    schema = {"type": "record", "name": "Thing", "namespace": "test", "fields": []}
    schema["fields"] = [{"name": name, "type": type_} for name, type_ in fields.items()]
    (folder / file_name).write_text(json.dumps(schema))


def documented(node):
    """Every record and field below a schema, with whether it says what it is."""
    if isinstance(node, list):
        for item in node:
            yield from documented(item)
    elif isinstance(node, dict):
        if "name" in node:
            yield node["name"], bool(node.get("doc"))
        for value in node.values():
            yield from documented(value)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.avsc")), ids=lambda path: path.stem)
def test_every_field_is_documented(path):
    """Whoever reads a published schema learns what every field means."""
    undocumented = [name for name, said in documented(json.loads(path.read_text())) if not said]
    assert undocumented == []


@pytest.mark.parametrize("name", RECORDS)
def test_records_and_schemas_agree(name):
    """Each record in Python has exactly the fields of its newest schema, in the same order."""
    fields = [field["name"] for field in Catalogue().newest(name).definition["fields"]]
    assert fields == [field.name for field in dataclasses.fields(RECORDS[name])]


@pytest.mark.parametrize("name", Catalogue().names())
def test_fingerprints_are_those_of_apache_avro(name):
    """Another library computes the fingerprint that our messages carry (from the schema without logical types)."""
    newest = Catalogue().newest(name)
    bare = {key: value for key, value in newest.definition.items() if not key.startswith("__")}
    assert avro.schema.parse(json.dumps(bare)).fingerprint() == newest.fingerprint


def test_logical_types_do_not_change_the_fingerprint(tmp_path):
    """Times may be published as times: the fingerprint is that of the plain number, as in Java."""
    write(tmp_path, "thing.v1.avsc", at={"type": "long", "logicalType": "timestamp-millis"})
    (tmp_path / "plain").mkdir()
    write(tmp_path / "plain", "thing.v1.avsc", at="long")
    assert Catalogue(tmp_path).newest("thing").fingerprint == Catalogue(tmp_path / "plain").newest("thing").fingerprint


def test_fingerprint_of_the_specification():
    """The fingerprint of "int" is 7275d51a3f395c8f, as in Avro's own tests, and goes out little-endian."""
    assert fingerprint('"int"', "CRC-64-AVRO") == bytes.fromhex("7275d51a3f395c8f")[::-1].hex()


def test_newest_version_wins(tmp_path):
    """Version 10 is newer than version 9, and both are still found."""
    write(tmp_path, "thing.v9.avsc", a="long")
    write(tmp_path, "thing.v10.avsc", a="long", b="string")
    catalogue = Catalogue(tmp_path)
    assert str(catalogue.newest("thing")) == "thing.v10"
    assert [schema.version for schema in catalogue.versions("thing")] == [9, 10]


def test_two_versions_with_one_fingerprint_are_refused(tmp_path):
    """A new version that readers could not tell from the old one is refused at once."""
    write(tmp_path, "thing.v1.avsc", a="long")
    write(tmp_path, "thing.v2.avsc", a="long")
    with pytest.raises(ArtefactError, match=r"thing\.v2 has the fingerprint of thing\.v1"):
        Catalogue(tmp_path)


@pytest.mark.parametrize("content", ["{", '{"type": "record"}', '{"type": "no-such-type", "name": "x"}'])
def test_damaged_schema_is_refused(tmp_path, content):
    """A damaged file is named, instead of failing at the first message."""
    (tmp_path / "thing.v1.avsc").write_text(content)
    with pytest.raises(ArtefactError, match=r"thing\.v1\.avsc is not an Avro schema"):
        Catalogue(tmp_path)


def test_file_without_version_is_refused(tmp_path):
    """A schema whose version cannot be told from its name is refused."""
    write(tmp_path, "thing.avsc", a="long")
    with pytest.raises(ArtefactError, match="is not named"):
        Catalogue(tmp_path)


def test_empty_folder_is_refused(tmp_path):
    """A broken installation says so."""
    with pytest.raises(ArtefactError, match="install profilestream again"):
        Catalogue(tmp_path)
