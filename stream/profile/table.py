"""Many profiles side by side, as columns of arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence
from .layout import HOURS, TYPES, Layout

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NEVER = -np.inf  # the reference time of a profile without events
NO_TIME_FIRST = np.iinfo(np.int64).max  # neutral for the minimum
NO_TIME_LAST = np.iinfo(np.int64).min  # neutral for the maximum


@dataclass(slots=True)
class CodeSums:
    """Per-code vector sums of many profiles, sparse: entry i belongs to profile `row[i]`.

    Attributes:
        row: Profile of each entry, shape (entries,), ascending.
        code: Its code in the codebook, ascending within a row.
        weight: Decayed number of texts, at the long half-life.
        vector: Decayed sum of their projected embeddings, shape (entries, dimensions), not normalised.
    """

    row: Integers
    code: Integers
    weight: Floats
    vector: Floats

    @classmethod
    def empty(cls, dimensions: int) -> Self:
        """No entry at all."""
        none = np.zeros(0, dtype=np.int64)
        return cls(none, none.copy(), np.zeros(0), np.zeros((0, dimensions)))


@dataclass(slots=True)
class ProfileTable:
    """n profiles; H half-lives, L labels, D dimensions. All sums are as of the row's own `t_ref`.

    Attributes:
        layout: Shared by all rows.
        t_ref: Reference time of the sums in ms (the latest event), shape (n,); -inf where there is no event.
        first, last: Times of the first and the last event, shape (n,).
        events: How many events are in it, shape (n,).
        weights, texts: Decayed number of events, and of those with a text, shape (n, H).
        types: Decayed number of events by type, shape (n, H, types).
        hours: Decayed number of events by hour of the day (UTC), at the long half-life, shape (n, 24).
        label_ids: Which labels the columns of `labels` are, ascending, shape (L,).
        labels: Decayed sums of label scores, shape (n, H, L).
        sentiment: Decayed sums of w, w x, w x^2 for polarity x, shape (n, H, 3).
        vector: Decayed sum of projected embeddings, at the long half-life, shape (n, D).
        codes: Several interests as vectors.
        evidence: For each row, the events that speak most for its labels.
        offsets: For each row, the last offset applied of each `topic-partition`.
        recent: For each row, hashes of the last event ids, oldest first.
    """

    layout: Layout
    t_ref: Floats
    first: Integers
    last: Integers
    events: Integers
    weights: Floats
    texts: Floats
    types: Floats
    hours: Floats
    label_ids: Integers
    labels: Floats
    sentiment: Floats
    vector: Floats
    codes: CodeSums
    evidence: list[tuple[Evidence, ...]] = field(default_factory=list)
    offsets: list[dict[str, int]] = field(default_factory=list)
    recent: list[tuple[int, ...]] = field(default_factory=list)

    @classmethod
    def empty(cls, rows: int, layout: Layout, label_ids: Integers | None = None) -> Self:
        """Profiles without events: the neutral element of `reduce`."""
        label_ids = np.zeros(0, dtype=np.int64) if label_ids is None else label_ids
        halves = len(layout.half_lives)
        return cls(
            layout=layout,
            t_ref=np.full(rows, NEVER),
            first=np.full(rows, NO_TIME_FIRST, dtype=np.int64),
            last=np.full(rows, NO_TIME_LAST, dtype=np.int64),
            events=np.zeros(rows, dtype=np.int64),
            weights=np.zeros((rows, halves)),
            texts=np.zeros((rows, halves)),
            types=np.zeros((rows, halves, TYPES)),
            hours=np.zeros((rows, HOURS)),
            label_ids=label_ids,
            labels=np.zeros((rows, halves, len(label_ids))),
            sentiment=np.zeros((rows, halves, 3)),
            vector=np.zeros((rows, layout.dimensions)),
            codes=CodeSums.empty(layout.dimensions),
            evidence=[()] * rows,
            offsets=[{} for _ in range(rows)],
            recent=[()] * rows,
        )

    def __len__(self) -> int:
        return len(self.t_ref)


def align_labels(table: ProfileTable, label_ids: Integers) -> Floats:
    """`table.labels` with a column for each of `label_ids`, a superset of its own, shape (n, H, len(label_ids))."""
    if np.array_equal(table.label_ids, label_ids):
        return table.labels
    wide = np.zeros((*table.labels.shape[:2], len(label_ids)))
    wide[:, :, np.searchsorted(label_ids, table.label_ids)] = table.labels
    return wide


def concatenate_codes(parts: Sequence[CodeSums]) -> CodeSums:
    """The entries of all parts, of at least one, one part after the other."""
    return CodeSums(
        row=np.concatenate([part.row for part in parts]),
        code=np.concatenate([part.code for part in parts]),
        weight=np.concatenate([part.weight for part in parts]),
        vector=np.concatenate([part.vector for part in parts]),
    )


def concatenate(tables: Sequence[ProfileTable]) -> ProfileTable:
    """The rows of all tables under one another; label columns become the union.

    Raises:
        ValueError: No table at all.
    """
    if not tables:
        raise ValueError("nothing to concatenate")
    label_ids = np.unique(np.concatenate([table.label_ids for table in tables]))
    starts = np.cumsum([0, *map(len, tables[:-1])])
    return ProfileTable(
        layout=tables[0].layout,
        t_ref=np.concatenate([t.t_ref for t in tables]),
        first=np.concatenate([t.first for t in tables]),
        last=np.concatenate([t.last for t in tables]),
        events=np.concatenate([t.events for t in tables]),
        weights=np.concatenate([t.weights for t in tables]),
        texts=np.concatenate([t.texts for t in tables]),
        types=np.concatenate([t.types for t in tables]),
        hours=np.concatenate([t.hours for t in tables]),
        label_ids=label_ids,
        labels=np.concatenate([align_labels(t, label_ids) for t in tables]),
        sentiment=np.concatenate([t.sentiment for t in tables]),
        vector=np.concatenate([t.vector for t in tables]),
        codes=concatenate_codes(
            [replace(t.codes, row=t.codes.row + start) for t, start in zip(tables, starts, strict=True)]
        ),
        evidence=[row for t in tables for row in t.evidence],
        offsets=[row for t in tables for row in t.offsets],
        recent=[row for t in tables for row in t.recent],
    )
