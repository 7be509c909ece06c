"""The rule of evolution: a new version of a schema reads what the version before it wrote.

This is what a schema registry calls BACKWARD. The check is that of Avro's own Python library ("Schema Resolution" in
the Avro 1.12 specification), which does not know our code.
"""

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

MOST_CHARACTERS = 300  # of reasons: they go into error messages and dead letters


def unreadable_because(reader: str, writer: str) -> str | None:
    """Why records written with one schema cannot be read with another.

    Args:
        reader: The schema of who reads, as JSON.
        writer: The schema of who wrote, as JSON.

    Returns:
        The first reasons in one line; None where the records can be read.

    Raises:
        ValueError: One of them is not a schema.
    """
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    try:
        result = checker.get_compatibility(avro.schema.parse(reader), avro.schema.parse(writer))
    except Exception as error:  # the library raises a dozen kinds for a wrong schema
        raise ValueError(f"not a schema: {type(error).__name__}") from error
    if result.compatibility is SchemaCompatibilityType.compatible:
        return None
    return ("; ".join(sorted(result.messages)) or "incompatible")[:MOST_CHARACTERS]
