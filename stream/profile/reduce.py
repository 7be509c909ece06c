"""Rows of the same user become one row: the only operation of the arithmetic.

An update reduces a stored row with the rows of new events, a merge of two halves reduces two stored rows, a
bulk backfill reduces a million event rows: all by the same sums, so all give the same profile, in any order.

Forward decay (Cormode, Shkapenyuk, Srivastava, Xu: Forward Decay, ICDE 2009): each row's sums are as of its own
reference time; before they are added they are carried to the latest one of the group.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence, strongest
from .layout import Layout
from .table import CodeSums, Floats, Integers, ProfileTable

_GROUPS = 64


def reduce(table: ProfileTable, group: Integers, groups: int) -> ProfileTable:
    """Sum the rows of each group.

    Args:
        table: n rows.
        group: Which group each row belongs to, shape (n,). Every group from 0 to groups - 1 has a row.
        groups: How many groups there are.

    Returns:
        A table with one row a group, in their order. Rows of a group that are `recent` and `offsets` of the
        same user are taken as in time order: later rows' event ids are the later ones.

    Raises:
        ValueError: A group without a row, or a row without a group.
    """
    if len(group) != len(table) or not np.array_equal(np.unique(group), np.arange(groups)):
        raise ValueError(f"every one of {groups} groups needs a row, and each of {len(table)} rows a group")
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(groups))

    t_ref = np.maximum.reduceat(table.t_ref[order], starts)
    factor = decay(table.t_ref, t_ref[group], table.layout)  # (n, H)
    long = factor[:, -1]

    def total(values: Floats, by: Floats) -> Floats:
        scaled = values * by.reshape(by.shape + (1,) * (values.ndim - by.ndim))
        summed: Floats = np.add.reduceat(scaled[order], starts, axis=0)
        return summed

    members = np.split(order, starts[1:])
    return ProfileTable(
        layout=table.layout,
        t_ref=t_ref,
        first=np.minimum.reduceat(table.first[order], starts),
        last=np.maximum.reduceat(table.last[order], starts),
        events=np.add.reduceat(table.events[order], starts),
        weights=total(table.weights, factor),
        texts=total(table.texts, factor),
        types=total(table.types, factor),
        hours=total(table.hours, long),
        label_ids=table.label_ids,
        labels=total(table.labels, factor),
        sentiment=total(table.sentiment, factor),
        vector=total(table.vector, long),
        codes=_codes(table, group, long),
        evidence=[_evidence(table, rows) for rows in members],
        offsets=[_offsets(table, rows) for rows in members],
        recent=[_recent(table, rows) for rows in members],
    )


def decay(since: Floats, to: Floats, layout: Layout) -> Floats:
    """What sums as of `since` are worth at the later time `to`, shape (n, H); those of no event (-inf) count 0."""
    known = np.isfinite(since)
    elapsed = np.where(known, to - np.where(known, since, 0.0), np.inf)
    decayed: Floats = np.exp2(-elapsed[:, None] / layout.half_life_array)
    return decayed


def _codes(table: ProfileTable, group: Integers, factor: Floats) -> CodeSums:
    codes, worth = table.codes, factor[table.codes.row]
    return sum_codes(group[codes.row], codes.code, codes.weight * worth, codes.vector, worth, most=table.layout.codes)


def sum_codes(
    row: Integers,
    code: Integers,
    weight: Floats,
    vector: NDArray[np.floating[Any]],
    worth: Floats,
    *,
    most: int | None = None,
) -> CodeSums:
    """Sum the entries of equal (row, code), and keep the heaviest of each row.

    Vectors are by far the largest part: which are needed is decided before any of them is touched.

    Args:
        row: Of e entries in any order, shape (e,).
        code: Of each entry, shape (e,).
        weight: Of each entry, shape (e,).
        vector: Of each entry, shape (e, D).
        worth: What each vector counts, shape (e,).
        most: Keep so many of a row; None: all.
    """
    order = np.lexsort((code, row))
    row, code = row[order], code[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (row[1:] != row[:-1]) | (code[1:] != code[:-1])
    starts = np.flatnonzero(first)
    row, code = row[starts], code[starts]
    total = np.add.reduceat(weight[order], starts) if len(starts) else np.zeros(0)
    kept = np.ones(len(starts), dtype=bool) if most is None else _heaviest(row, code, total, most)
    sizes = np.diff(starts, append=len(order))
    needed = order[np.repeat(kept, sizes)]
    return CodeSums(row[kept], code[kept], total[kept], _vector_sums(vector, needed, worth, sizes[kept]))


def _heaviest(row: Integers, code: Integers, weight: Floats, most: int) -> NDArray[np.bool_]:
    """Which entries are among the `most` heaviest of their row; rows are ascending."""
    order = np.lexsort((code, -weight, row))
    kept = np.empty(len(row), dtype=bool)
    kept[order] = np.arange(len(row)) - np.searchsorted(row, row) < most
    return kept


def _vector_sums(vector: NDArray[np.floating[Any]], order: Integers, worth: Floats, sizes: Integers) -> Floats:
    """Sums of the vectors that `order` names, each times its worth; the first `sizes[0]` of them make the first sum."""
    summed = np.empty((len(sizes), vector.shape[1]))
    ends = np.cumsum(sizes)
    for group in range(0, len(sizes), _GROUPS):  # some at a time: they stay in a core's cache
        groups = slice(group, group + _GROUPS)
        starts = ends[groups] - sizes[groups]
        entries = order[starts[0] : ends[groups][-1]]
        np.add.reduceat(vector[entries] * worth[entries, None], starts - starts[0], axis=0, out=summed[groups])
    return summed


# Most groups hold one row with anything in these, so the common case is a look-up.


def _evidence(table: ProfileTable, rows: Integers) -> tuple[Evidence, ...]:
    found = [table.evidence[row] for row in rows if table.evidence[row]]
    if len(found) < 2:
        return found[0] if found else ()
    return strongest(
        (item for items in found for item in items), table.layout.evidence, table.layout.evidence_per_label
    )


def _offsets(table: ProfileTable, rows: Integers) -> dict[str, int]:
    merged: dict[str, int] = {}
    for row in rows:
        for partition, offset in table.offsets[row].items():
            merged[partition] = max(offset, merged.get(partition, -1))
    return merged


def _recent(table: ProfileTable, rows: Integers) -> tuple[int, ...]:
    ids = [event for row in rows for event in table.recent[row]]
    return tuple(dict.fromkeys(reversed(ids)))[: table.layout.recent][::-1]
