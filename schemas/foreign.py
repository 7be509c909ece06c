"""Schemas that others wrote, as a registry gives them: read messages with them only where that can do no harm.

The library follows a writer's schema in C without asking how deep or how often. Three kinds of schema make a short
message endless (tried with fastavro 1.13): a type that contains itself overflows the stack, an array of items that take
no bytes has any length for free, and records of records multiply. None of them is worth supporting here.
"""

from dataclasses import dataclass
from typing import Any

from .catalogue import parse

MOST_FIELDS = 10_000
"""Largest schema, with every named type written out where it is used."""

_PRIMITIVE = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}


@dataclass(frozen=True, slots=True)
class ForeignSchema:
    """A schema that messages were written with.

    Attributes:
        label: What to call it in messages: `schema 17 of the registry`.
        text: As its author wrote it.
        definition: Parsed, without logical types.
        fingerprint: As in the single-object header: equal to one of ours where the schema is one of ours.
    """

    label: str
    text: str
    definition: Any
    fingerprint: bytes

    @classmethod
    def parse(cls, text: str, label: str) -> "ForeignSchema":
        """A schema that is safe to read with.

        Raises:
            ValueError: It is not an Avro schema, or a short message could make us read without end.
        """
        try:
            definition, fingerprint = parse(text)
        except Exception as error:  # fastavro raises a dozen kinds for a wrong schema
            raise ValueError(f"{label} is not an Avro schema: {type(error).__name__}") from error
        try:
            _Measure().of(definition)
        except ValueError as error:
            raise ValueError(f"{label} is not read: {error}") from error
        return cls(label, text, definition, fingerprint)


class _Measure:
    """Walks a parsed schema; each type has a number of fields, and takes at least one byte or none."""

    def __init__(self) -> None:
        self._named: dict[str, tuple[int, bool] | None] = {}  # None: not finished

    def of(self, node: Any) -> tuple[int, bool]:
        """How many fields there are, written out, and whether a value takes at least one byte.

        Raises:
            ValueError: The type contains itself, is too large, or has items of no bytes.
        """
        if isinstance(node, str):
            return self._by_name(node)
        if isinstance(node, list):
            return sum(self.of(branch)[0] for branch in node), True
        return self._by_kind(node["type"], node)

    def _by_kind(self, kind: Any, node: Any) -> tuple[int, bool]:
        if kind in ("record", "error"):
            return self._record(node)
        if kind in ("enum", "fixed"):
            self._named[node["name"]] = measured = (1, kind == "enum" or node["size"] > 0)
            return measured
        if kind == "map":
            return self.of(node["values"])[0], True
        return self._array(node) if kind == "array" else self.of(kind)

    def _array(self, node: Any) -> tuple[int, bool]:
        fields, takes_bytes = self.of(node["items"])
        if not takes_bytes:
            raise ValueError("it has an array whose items take no bytes")
        return fields, True

    def _by_name(self, name: str) -> tuple[int, bool]:
        if name in _PRIMITIVE:
            return 1, name != "null"
        found = self._named[name]
        if found is None:
            raise ValueError(f"its type {name} contains itself")
        return found

    def _record(self, node: Any) -> tuple[int, bool]:
        self._named[node["name"]] = None
        parts = [self.of(field["type"]) for field in node["fields"]]
        fields = 1 + sum(part[0] for part in parts)
        if fields > MOST_FIELDS:
            raise ValueError(f"it has more than {MOST_FIELDS} fields")
        self._named[node["name"]] = measured = (fields, any(part[1] for part in parts))
        return measured
