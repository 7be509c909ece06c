"""Rows of the same user become one row: the only operation of the arithmetic.

An update reduces a stored row with the rows of new events, a merge of two halves reduces two stored rows, a
bulk backfill reduces a million event rows: all by the same sums, so all give the same profile, in any order.

Forward decay (Cormode, Shkapenyuk, Srivastava, Xu: Forward Decay, ICDE 2009): each row's sums are as of its own
reference time; before they are added they are carried to the latest one of the group.
"""

import numpy as np

from .evidence import Evidence, strongest
from .layout import Layout
from .table import CodeSums, Floats, Integers, ProfileTable


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
        codes=reduce_codes(_decayed_codes(table.codes, group, long), table.layout),
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


def _decayed_codes(codes: CodeSums, group: Integers, factor: Floats) -> CodeSums:
    scale = factor[codes.row]
    return CodeSums(group[codes.row], codes.code, codes.weight * scale, codes.vector * scale[:, None])


def reduce_codes(codes: CodeSums, layout: Layout) -> CodeSums:
    """Sum the entries of equal (row, code), whose rows are in any order, then keep the heaviest of each row."""
    if not len(codes.row):
        return CodeSums.empty(layout.dimensions)
    return _cap(sum_codes(codes), layout.codes)


def sum_codes(codes: CodeSums) -> CodeSums:
    """Sum the entries of equal (row, code), at least one, whose rows are in any order."""
    order = np.lexsort((codes.code, codes.row))
    row, code = codes.row[order], codes.code[order]
    is_first = np.r_[True, (row[1:] != row[:-1]) | (code[1:] != code[:-1])]
    starts = np.flatnonzero(is_first)
    return CodeSums(
        row=row[starts],
        code=code[starts],
        weight=np.add.reduceat(codes.weight[order], starts),
        vector=np.add.reduceat(codes.vector[order], starts, axis=0),
    )


def _cap(codes: CodeSums, most: int) -> CodeSums:
    """Keep the `most` heaviest entries of each row."""
    heaviest_first = np.lexsort((codes.code, -codes.weight, codes.row))
    row = codes.row[heaviest_first]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    kept = np.sort(heaviest_first[rank < most])
    return CodeSums(codes.row[kept], codes.code[kept], codes.weight[kept], codes.vector[kept])


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
