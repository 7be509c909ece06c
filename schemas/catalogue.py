"""The published Avro schemas: every version of every record, by name and by fingerprint.

A version is a file, `avro/<name>.v<number>.avsc`, and never changes once released. A schema's fingerprint is
CRC-64-AVRO of its parsing canonical form (Avro 1.12 specification, "Parsing Canonical Form for Schemas" and "Schema
Fingerprints"), so two versions must differ in more than documentation, defaults or logical types. Libraries disagree on
the canonical form of `{"type": "long", "logicalType": ...}`: here, in Java and in Go it is `"long"`, while Python's
`avro` 1.12 says `{"type":"long"}` and so computes another fingerprint.

A reader knows its own version and all before it, none after: deploy consumers before producers.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

from .errors import ArtefactError

FOLDER = Path(__file__).parent / "avro"

_FILE_NAME = re.compile(r"(?P<name>[a-z-]+)\.v(?P<version>[1-9]\d*)\.avsc")


@dataclass(frozen=True, slots=True)
class Schema:
    """One version of one record.

    Attributes:
        name: For example `user-event`.
        version: 1, 2, ...
        fingerprint: CRC-64-AVRO, 8 bytes, little-endian as the single-object header has it.
        definition: The parsed schema without logical types, so that times are read as plain whole milliseconds.
        text: The schema as its file has it, for a schema registry.
    """

    name: str
    version: int
    fingerprint: bytes
    definition: Any
    text: str

    def __str__(self) -> str:
        return f"{self.name}.v{self.version}"


class Catalogue:
    """All known schemas.

    Args:
        folder: Where the `.avsc` files are.

    Raises:
        ArtefactError: A file is missing, is not a schema, or two have the same fingerprint.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._by_fingerprint: dict[bytes, Schema] = {}
        self._newest: dict[str, Schema] = {}
        for path in sorted(folder.glob("*.avsc")):
            self._add(_load(path))
        if not self._newest:
            raise ArtefactError(f"no Avro schemas in {folder}; install profilestream again")

    def find(self, print_: bytes) -> Schema | None:
        """The schema with this fingerprint (8 bytes, little-endian), if it is known."""
        return self._by_fingerprint.get(print_)

    def newest(self, name: str) -> Schema:
        """The highest version of a name.

        Raises:
            KeyError: There is no such name.
        """
        return self._newest[name]

    def versions(self, name: str) -> list[Schema]:
        """All versions of a name, oldest first; empty where there is no such name."""
        found = [schema for schema in self._by_fingerprint.values() if schema.name == name]
        return sorted(found, key=lambda schema: schema.version)

    def names(self) -> list[str]:
        """All names, in alphabetical order."""
        return sorted(self._newest)

    def _add(self, schema: Schema) -> None:
        same = self._by_fingerprint.setdefault(schema.fingerprint, schema)
        if same is not schema:
            raise ArtefactError(
                f"{schema} has the fingerprint of {same}: they differ in documentation or defaults only"
            )
        newest = self._newest.get(schema.name)
        if newest is None or schema.version > newest.version:
            self._newest[schema.name] = schema


def _load(path: Path) -> Schema:
    matched = _FILE_NAME.fullmatch(path.name)
    if matched is None:
        raise ArtefactError(f"{path} is not named <name>.v<number>.avsc")
    try:
        text = path.read_text(encoding="utf-8")
        definition, rabin = parse(text)
    except Exception as error:  # fastavro raises a dozen kinds for a wrong schema
        raise ArtefactError(f"{path} is not an Avro schema: {error}") from error
    return Schema(matched["name"], int(matched["version"]), rabin, definition, text)


def parse(text: str) -> tuple[Any, bytes]:
    """A schema as JSON, parsed.

    Returns:
        Its definition without logical types, and its fingerprint in the order of the single-object header.

    Raises:
        Exception: Of a dozen kinds: it is not JSON, or not a schema.
    """
    definition = parse_schema(_without_logical_types(json.loads(text)))
    # The library gives the 8 bytes in the order of the header, as the specification's example does.
    return definition, bytes.fromhex(fingerprint(to_parsing_canonical_form(definition), "CRC-64-AVRO"))


def _without_logical_types(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_logical_types(item) for item in node]
    if isinstance(node, dict):
        return {key: _without_logical_types(value) for key, value in node.items() if key != "logicalType"}
    return node
