"""A profile as the bytes that Redis keeps: an Avro record whose arrays are packed.

Vectors are float16 with a shared power of two (see `rounding`), label sums float32, the rest float64.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...inference.spaces import Way
from ...schemas.avro_bytes import data, longs, name
from ...schemas.codec import decode_record
from ...schemas.errors import ArtefactError, BadRecordError
from .layout import HOURS, TYPES, Layout
from .packing import HEADER, KNOWN, Pieces, evidence_bytes, fixed, offsets_bytes, pieces_of, ragged, read, recent_bytes
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
    code_bounds = np.searchsorted(codes.row, np.arange(len(table) + 1)).tolist()
    if not KNOWN:
        raise BadRecordError("unencodable", "the schema of stored profiles is not the one that is written here")
    rows, columns = np.nonzero((table.labels != 0).any(axis=1))
    label_bounds = np.searchsorted(rows, np.arange(len(table) + 1)).tolist()
    sums = [ragged(half[rows, columns], label_bounds) for half in table.labels.astype(np.float32).transpose(1, 0, 2)]
    pieces = zip(
        table.t_ref.astype("<f8").view("V8").tolist(),
        longs(table.first),
        longs(table.last),
        longs(table.events),
        map(offsets_bytes, table.offsets),
        map(recent_bytes, table.recent),
        fixed(weights, table.types.astype(np.float32), table.hours.astype(np.float32)),
        ragged(table.label_ids[columns].astype(np.uint16), label_bounds),
        map(b"".join, zip(*sums, strict=True)),
        fixed(table.sentiment, vectors),
        ragged(codes.code.astype(np.uint16), code_bounds),
        ragged(code_weights, code_bounds),
        ragged(code_vectors, code_bounds),
        map(evidence_bytes, table.evidence),
        map(name, models),
        strict=True,
    )
    return [_joined(*row) for row in pieces]


def _joined(
    t_ref: bytes,
    first: bytes,
    last: bytes,
    events: bytes,
    offsets: bytes,
    recent: bytes,
    counts: bytes,
    labels: bytes,
    sums: bytes,
    moments: bytes,
    codes: bytes,
    code_weights: bytes,
    code_vectors: bytes,
    evidence: bytes,
    model: bytes,
) -> bytes:
    """A value of its fields; of those that are arrays of no fixed length, the length is still missing."""
    ids, totals = data(labels), data(sums)
    entries = data(codes) + data(code_weights) + data(code_vectors)
    return b"".join(
        (HEADER, t_ref, first, last, events, offsets, recent, counts, ids, totals, moments, entries, evidence, model)
    )


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
    except (BadRecordError, ValueError, OverflowError, struct.error) as error:  # the last three: damaged arrays
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
        return [None if value is None else _pieces(value).model for value in values]
    except BadRecordError as error:
        raise ArtefactError(f"a key of the store holds something that is not a profile ({error})") from error


def _table(found: Sequence[Pieces | None], layout: Layout, model: str) -> tuple[ProfileTable, list[str]]:
    rows = np.array([row for row, pieces in enumerate(found) if pieces is not None], dtype=np.int64)
    present = [pieces for pieces in found if pieces is not None]
    label_counts = [len(pieces.labels) // 2 for pieces in present]
    row_ids = np.frombuffer(b"".join([pieces.labels for pieces in present]), np.uint16).astype(np.int64)
    table = ProfileTable.empty(len(found), layout, np.unique(row_ids))
    models = [model] * len(found)
    if not present:
        return table, models
    _fill(table, rows, present)
    _fill_labels(table, np.repeat(rows, label_counts), label_counts, row_ids, present)
    with_vectors = [
        (row, pieces)
        for row, pieces in zip(rows.tolist(), present, strict=True)
        if len(pieces.vector) == 2 * layout.dimensions
    ]
    for row, pieces in with_vectors:
        if pieces.vector.strip(b"\0"):  # otherwise no text was seen, and the row is of no space yet
            models[row] = pieces.model
    if with_vectors:
        _fill_vectors(table, with_vectors)
    return table, models


def _pieces(value: bytes) -> Pieces:
    return read(value) or pieces_of(decode_record(SCHEMA, value))


def _decode(value: bytes, layout: Layout) -> Pieces:
    pieces = _pieces(value)
    halves = len(pieces.weights) // 16
    if halves != len(layout.half_lives):
        raise ArtefactError(
            f"a stored profile has {halves} half-lives, the settings {len(layout.half_lives)}: "
            "the number of half-lives is fixed for the life of a deployment"
        )
    return pieces


def _stack(values: Sequence[bytes], kind: type[np.number[Any]], *shape: int) -> NDArray[Any]:
    """Packed arrays of one shape under one another, shape (rows, *shape).

    Raises:
        ValueError: One is of another length.
    """
    size = np.dtype(kind).itemsize * int(np.prod(shape))
    if any(len(value) != size for value in values):
        raise ValueError("an array is of another length than its profile says")
    return np.frombuffer(b"".join(values), kind).reshape(len(values), *shape)


def _fill(table: ProfileTable, rows: NDArray[np.int64], present: Sequence[Pieces]) -> None:
    """Everything but labels and vectors."""
    halves = len(table.layout.half_lives)
    weights = _stack([p.weights for p in present], np.float64, 2, halves)
    table.t_ref[rows] = [p.t_ref for p in present]
    table.first[rows] = [p.first_seen for p in present]
    table.last[rows] = [p.last_seen for p in present]
    table.events[rows] = [p.events for p in present]
    table.weights[rows], table.texts[rows] = weights[:, 0], weights[:, 1]
    table.types[rows] = _stack([p.types for p in present], np.float32, halves, TYPES)
    table.hours[rows] = _stack([p.hours for p in present], np.float32, HOURS)
    table.sentiment[rows] = _stack([p.sentiment for p in present], np.float64, halves, 3)
    for row, pieces in zip(rows.tolist(), present, strict=True):
        table.evidence[row] = pieces.evidence
        table.offsets[row] = pieces.offsets
        table.recent[row] = struct.unpack(f"<{len(pieces.recent) // 8}Q", pieces.recent)


def _fill_labels(
    table: ProfileTable,
    rows: NDArray[np.int64],
    counts: Sequence[int],
    label_ids: NDArray[np.int64],
    present: Sequence[Pieces],
) -> None:
    """Label sums; `rows` and `label_ids` have an entry for each label of each value, `counts` how many they are."""
    halves = len(table.layout.half_lives)
    if any(len(p.label_sums) != 4 * halves * count for p, count in zip(present, counts, strict=True)):
        raise ValueError("label sums are not as many as their labels")
    columns = np.searchsorted(table.label_ids, label_ids)
    for half in range(halves):
        sums = b"".join([p.label_sums[4 * half * n : 4 * (half + 1) * n] for p, n in zip(present, counts, strict=True)])
        table.labels[rows, half, columns] = np.frombuffer(sums, np.float32)


def _fill_vectors(table: ProfileTable, found: list[tuple[int, Pieces]]) -> None:
    """Long-term vectors and codes of all rows at once."""
    dimensions = table.layout.dimensions
    rows = np.array([row for row, _ in found])
    halves = np.frombuffer(b"".join([p.vector for _, p in found]), np.float16).reshape(-1, dimensions)
    table.vector[rows] = from_half(halves, scale_of(table.texts[rows, -1].astype(np.float32)))
    counts = [len(p.codes) // 2 for _, p in found]
    weight = np.frombuffer(b"".join([p.code_weights for _, p in found]), np.float32)
    packed = np.frombuffer(b"".join([p.code_vectors for _, p in found]), np.float16).reshape(-1, dimensions)
    table.codes = CodeSums(
        row=np.repeat(rows, counts),
        code=np.frombuffer(b"".join([p.codes for _, p in found]), np.uint16).astype(np.int64),
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
