"""The rule of evolution: a schema version can read its predecessor, so nothing on a topic is lost."""

import copy
import json
from itertools import pairwise

import pytest

from profilestream.schemas.catalogue import FOLDER, Catalogue
from profilestream.schemas.compatibility import unreadable_because

USER_EVENT = json.loads((FOLDER / "user-event.v1.avsc").read_text())


def published(schema):
    """A schema as its file has it."""
    return (FOLDER / f"{schema}.avsc").read_text()


def changed(change):
    """The user-event schema after a change to its fields."""
    schema = copy.deepcopy(USER_EVENT)
    change({field["name"]: field for field in schema["fields"]}, schema["fields"])
    return json.dumps(schema)


@pytest.mark.parametrize("name", Catalogue().names())
def test_every_version_reads_its_predecessor(name):
    """Messages still on a topic after an upgrade can be read by the new version."""
    versions = Catalogue().versions(name)
    assert unreadable_because(published(versions[0]), published(versions[0])) is None
    for older, newer in pairwise(versions):
        assert unreadable_because(published(newer), published(older)) is None


@pytest.mark.parametrize("name", Catalogue().names())
def test_versions_have_no_gaps(name):
    """Nobody can delete a version whose messages may still be on a topic."""
    assert [schema.version for schema in Catalogue().versions(name)] == list(
        range(1, len(Catalogue().versions(name)) + 1)
    )


def test_new_field_with_a_default_is_allowed():
    """The rule lets schemas grow."""
    newer = changed(lambda _, fields: fields.append({"name": "locale", "type": ["null", "string"], "default": None}))
    assert unreadable_because(newer, json.dumps(USER_EVENT)) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda _, fields: fields.append({"name": "locale", "type": "string"}),
        lambda by_name, _: by_name["time"].update(type="int"),
        lambda by_name, _: by_name["user"].update(name="who"),
        lambda by_name, _: by_name["text"].update(type="string", default=""),
    ],
    ids=["new field without default", "narrower type", "renamed without alias", "null no longer allowed"],
)
def test_incompatible_changes_are_refused(change):
    """A change that would make old messages unreadable does not pass the check."""
    assert unreadable_because(changed(change), json.dumps(USER_EVENT))


@pytest.mark.parametrize("text", ["", "{", '"no such type"'])
def test_what_is_no_schema_is_told(text):
    """A question about something that is not a schema has no answer."""
    with pytest.raises(ValueError, match="not a schema"):
        unreadable_because(text, text)
