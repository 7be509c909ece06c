"""A profile as the bytes that Redis keeps: an Avro record whose arrays are packed.

Vectors are float16 with a shared power of two (see `rounding`), label sums float32, the rest float64.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...inference.spaces import Way
from ...schemas.codec import decode_record, encode_record
from ...schemas.errors import ArtefactError, BadRecordError
from .evidence import Evidence
from .layout import HOURS, TYPES, Layout
from .rounding import from_half, scale_of, to_half
from .spaces import carry, drop_vectors, elsewhere
from .table import CodeSums, ProfileTable

SCHEMA = "profile-state"


def encode_states(table: ProfileTable, model: str | Sequence[str], seeds: NDArray[np.uint64]) -> list[bytes]:
    """One value a row.

    Args:
        table: Rows with at least one event each.
        model: The encoder that the vectors come from: of all rows, or of each.
        seeds: For stochastic rounding, shape (rows,): derive them from the source offset.
    """
    models = [model] * len(table) if isinstance(model, str) else model
    weights = np.concatenate([table.weights, table.texts], axis=1)
    long_scale = scale_of(table.texts[:, -1].astype(np.float32))
    vectors = to_half(table.vector, long_scale, seeds)
    codes = table.codes
    code_weights = codes.weight.astype(np.float32)
    code_seeds = seeds[codes.row] + codes.code.astype(np.uint64) + np.uint64(1)
    code_vectors = to_half(codes.vector, scale_of(code_weights), code_seeds)
    code_bounds = np.searchsorted(codes.row, np.arange(len(table) + 1))
    used = (table.labels != 0).any(axis=1)
    label_ids, labels = table.label_ids.astype(np.uint16), table.labels.astype(np.float32)
    types, hours = table.types.astype(np.float32), table.hours.astype(np.float32)

    def record(row: int) -> dict[str, Any]:
        entries = slice(code_bounds[row], code_bounds[row + 1])
        return {
            "model": models[row],
            "t_ref": float(table.t_ref[row]),
            "first_seen": int(table.first[row]),
            "last_seen": int(table.last[row]),
            "events": int(table.events[row]),
            "offsets": table.offsets[row],
            "recent": np.array(table.recent[row], dtype=np.uint64).tobytes(),
            "weights": weights[row].tobytes(),
            "types": types[row].tobytes(),
            "hours": hours[row].tobytes(),
            "labels": label_ids[used[row]].tobytes(),
            "label_sums": labels[row][:, used[row]].tobytes(),
            "sentiment": table.sentiment[row].tobytes(),
            "vector": vectors[row].tobytes(),
            "codes": codes.code[entries].astype(np.uint16).tobytes(),
            "code_weights": code_weights[entries].tobytes(),
            "code_vectors": code_vectors[entries].tobytes(),
            "evidence": [item._asdict() for item in table.evidence[row]],
        }

    return [encode_record(SCHEMA, record(row)) for row in range(len(table))]


def decode_states(
    values: Sequence[bytes | None], layout: Layout, model: str, ways: Mapping[str, Way] | None = None
) -> ProfileTable:
    """The inverse; a row without events where a value is None.

    Vectors of another encoder than `model` are carried over by `ways` (see `spaces.carry`), or left out: two models'
    vectors must never be added.

    Raises:
        ArtefactError: A value is not a profile, or was written with another number of half-lives.
    """
    table, models = decode_with_models(values, layout, model, ways)
    drop_vectors(table, np.flatnonzero(elsewhere(models, model, ways or {})))
    return table


def decode_with_models(
    values: Sequence[bytes | None], layout: Layout, model: str, ways: Mapping[str, Way] | None = None
) -> tuple[ProfileTable, list[str]]:
    """As `decode_states`, but vectors from which no way leads to `model` stay as they are.

    Returns:
        The table, and for each row the encoder that its vectors were stored with.

    Raises:
        ArtefactError: As `decode_states`.
    """
    try:
        records = [None if value is None else _decode(value, layout) for value in values]
        table, models = _table(records, layout, model)
    except (BadRecordError, ValueError, OverflowError) as error:  # numpy raises the latter two on damaged arrays
        raise ArtefactError(
            f"a key of the store holds something that is not a profile ({error}): find out who wrote it, and delete it"
        ) from error
    carry(table, models, ways or {})
    return table, models


def models_of(values: Sequence[bytes | None]) -> list[str | None]:
    """The encoder of each value's vectors; None where a value is None.

    Raises:
        ArtefactError: A value is not a profile.
    """
    try:
        return [None if value is None else str(decode_record(SCHEMA, value)["model"]) for value in values]
    except BadRecordError as error:
        raise ArtefactError(f"a key of the store holds something that is not a profile ({error})") from error


def _table(records: Sequence[dict[str, Any] | None], layout: Layout, model: str) -> tuple[ProfileTable, list[str]]:
    present = [(row, record) for row, record in enumerate(records) if record is not None]
    row_ids = [np.frombuffer(record["labels"], np.uint16).astype(np.int64) for _, record in present]
    label_ids = np.unique(np.concatenate(row_ids)) if row_ids else np.zeros(0, np.int64)
    table = ProfileTable.empty(len(records), layout, label_ids)
    for (row, record), ids in zip(present, row_ids, strict=True):
        _fill(table, row, record, ids)
    with_vectors = [(row, record) for row, record in present if len(record["vector"]) == 2 * layout.dimensions]
    models = [model] * len(records)
    for row, record in with_vectors:
        if record["vector"].strip(b"\0"):  # otherwise no text was seen, and the row belongs to no space yet
            models[row] = record["model"]
    if with_vectors:
        _fill_vectors(table, with_vectors)
    return table, models


def _decode(value: bytes, layout: Layout) -> dict[str, Any]:
    record = decode_record(SCHEMA, value)
    halves = len(record["weights"]) // 16
    if halves != len(layout.half_lives):
        raise ArtefactError(
            f"a stored profile has {halves} half-lives, the settings {len(layout.half_lives)}: "
            "the number of half-lives is fixed for the life of a deployment"
        )
    return record


def _fill(table: ProfileTable, row: int, record: dict[str, Any], label_ids: NDArray[np.int64]) -> None:
    """Everything but the vectors of one row."""
    halves = len(table.layout.half_lives)
    weights = np.frombuffer(record["weights"]).reshape(2, halves)
    table.t_ref[row] = record["t_ref"]
    table.first[row], table.last[row] = record["first_seen"], record["last_seen"]
    table.events[row] = record["events"]
    table.weights[row], table.texts[row] = weights
    table.types[row] = np.frombuffer(record["types"], np.float32).reshape(halves, TYPES)
    table.hours[row] = np.frombuffer(record["hours"], np.float32).reshape(HOURS)
    columns = np.searchsorted(table.label_ids, label_ids)
    table.labels[row][:, columns] = np.frombuffer(record["label_sums"], np.float32).reshape(halves, len(label_ids))
    table.sentiment[row] = np.frombuffer(record["sentiment"]).reshape(halves, 3)
    table.evidence[row] = tuple(Evidence(**item) for item in record["evidence"])
    table.offsets[row] = record["offsets"]
    table.recent[row] = tuple(np.frombuffer(record["recent"], np.uint64).tolist())


def _fill_vectors(table: ProfileTable, records: list[tuple[int, dict[str, Any]]]) -> None:
    """Long-term vectors and codes of all rows at once."""
    dimensions = table.layout.dimensions
    rows = np.array([row for row, _ in records])
    halves = np.frombuffer(b"".join(r["vector"] for _, r in records), np.float16).reshape(-1, dimensions)
    table.vector[rows] = from_half(halves, scale_of(table.texts[rows, -1].astype(np.float32)))
    counts = [len(r["codes"]) // 2 for _, r in records]
    weight = np.frombuffer(b"".join(r["code_weights"] for _, r in records), np.float32)
    packed = np.frombuffer(b"".join(r["code_vectors"] for _, r in records), np.float16).reshape(-1, dimensions)
    table.codes = CodeSums(
        row=np.repeat(rows, counts),
        code=np.frombuffer(b"".join(r["codes"] for _, r in records), np.uint16).astype(np.int64),
        weight=weight.astype(np.float64),
        vector=from_half(packed, scale_of(weight)),
    )


def without_space(value: bytes) -> tuple[str, dict[str, Any]]:
    """The encoder of a value, and all of it that does not change when its vectors are carried to another encoder.

    Raises:
        BadRecordError: It is not a profile.
    """
    record = decode_record(SCHEMA, value)
    model = str(record.pop("model"))
    for column in ("vector", "codes", "code_weights", "code_vectors"):
        del record[column]
    return model, record
