"""Events are added to stored profiles: what `reduce` makes of both, without a row of arrays for each event.

`reduce(concatenate([table, units(seen)]), …)` is the definition, and gives the same but for the order of additions. It
takes some 4 KB an event, nearly all of it zeros; here an event costs a few numbers, and one with a text its vector.
"""

import numpy as np

from .evidence import Evidence, strongest
from .layout import HOURS, TYPES, Layout
from .reduce import decay, sum_codes
from .table import CodeSums, Floats, Integers, ProfileTable, align_labels
from .units import Observations, hour_of_day


def add(table: ProfileTable, seen: Observations, owner: Integers, keep: Integers | None = None) -> ProfileTable:
    """The profiles with the events in them.

    Args:
        table: n profiles.
        seen: e events that are in none of them, those of a profile in the order in which they were read.
        owner: The row of each event's profile, shape (e,).
        keep: Rows whose vectors are of another space: those of the events are not added to them. Shape (k,).
    """
    rows, halves = len(table), len(table.layout.half_lives)
    times = seen.time.astype(np.float64)
    t_ref, first, last = table.t_ref.copy(), table.first.copy(), table.last.copy()
    np.maximum.at(t_ref, owner, times)
    np.minimum.at(first, owner, seen.time)
    np.maximum.at(last, owner, seen.time)
    before = decay(table.t_ref, t_ref, table.layout)  # (n, H)
    worth = decay(times, t_ref[owner], table.layout)  # (e, H)

    def count(place: Integers | int, places: int, half: int) -> Floats:
        """Decayed numbers of events at a half-life, shape (n, places)."""
        sums = np.bincount(owner * places + place, weights=worth[:, half], minlength=rows * places)
        return np.asarray(sums, dtype=np.float64).reshape(rows, places)

    counts = np.stack([count(0, 1, half)[:, 0] for half in range(halves)], axis=1)
    types = np.stack([count(seen.type, TYPES, half) for half in range(halves)], axis=1)
    hours = count(hour_of_day(seen.time), HOURS, -1)
    result = ProfileTable(
        layout=table.layout,
        t_ref=t_ref,
        first=first,
        last=last,
        events=table.events + np.bincount(owner, minlength=rows),
        weights=table.weights * before + counts,
        texts=table.texts * before,
        types=table.types * before[:, :, None] + types,
        hours=table.hours * before[:, -1:] + hours,
        label_ids=table.label_ids,
        labels=table.labels * before[:, :, None],
        sentiment=table.sentiment * before[:, :, None],
        vector=table.vector * before[:, -1:],
        codes=table.codes,
        evidence=list(table.evidence),
        offsets=_offsets(table, seen, owner),
        recent=_recent(table, seen, owner),
    )
    _add_texts(result, seen, owner[seen.text], worth[seen.text], before[:, -1], keep)
    return result


def _add_texts(
    table: ProfileTable, seen: Observations, owner: Integers, worth: Floats, before: Floats, keep: Integers | None
) -> None:
    """What only texts have.

    Args:
        table: Already decayed, but for its codes; shape (n,).
        seen: Events, t of them with a text.
        owner: The row of each text's profile, shape (t,).
        worth: Of each text at each half-life, shape (t, H).
        before: What the stored codes are worth now, shape (n,).
        keep: See `add`.
    """
    new = _code_sums(seen, owner, worth[:, -1], keep)
    table.codes = _merged(table.codes, before, new, table.layout)
    if not len(owner):
        return
    order = np.argsort(owner, kind="stable")
    rows, starts = np.unique(owner[order], return_index=True)
    table.label_ids, table.labels = _wider(table, seen)
    columns = np.searchsorted(table.label_ids, seen.label_ids)
    for half in range(worth.shape[1]):
        by = worth[order, half]
        table.texts[rows, half] += np.add.reduceat(by, starts)
        table.labels[rows[:, None], half, columns] += np.add.reduceat(seen.scores[order] * by[:, None], starts)
        moments = np.stack([np.ones_like(seen.polarity), seen.polarity, seen.polarity**2], axis=-1)[order]
        table.sentiment[rows, half] += np.add.reduceat(moments * by[:, None], starts)
    of, begins = np.unique(new.row, return_index=True)
    table.vector[of] += np.add.reduceat(new.vector, begins, axis=0) if len(of) else 0.0
    _add_evidence(table, seen, owner)


def _code_sums(seen: Observations, owner: Integers, worth: Floats, keep: Integers | None) -> CodeSums:
    """Entries of the texts, but for those of the rows `keep`."""
    codes, vectors = seen.codes, seen.vectors
    if keep is not None and len(keep):
        ours = ~np.isin(owner, keep)
        owner, codes, worth, vectors = owner[ours], codes[ours], worth[ours], vectors[ours]
    return sum_codes(owner, codes, worth, vectors, worth)


def _merged(old: CodeSums, before: Floats, new: CodeSums, layout: Layout) -> CodeSums:
    """Stored and new entries of a code become one, at the time of the new ones."""
    worth = before[old.row]
    return sum_codes(
        np.concatenate([old.row, new.row]),
        np.concatenate([old.code, new.code]),
        np.concatenate([old.weight * worth, new.weight]),
        np.concatenate([old.vector, new.vector]),
        np.concatenate([worth, np.ones(len(new.row))]),
        most=layout.codes,
    )


def _wider(table: ProfileTable, seen: Observations) -> tuple[Integers, Floats]:
    """Label columns for those of the events too."""
    label_ids = np.union1d(table.label_ids, seen.label_ids)
    return label_ids, align_labels(table, label_ids)


def _add_evidence(table: ProfileTable, seen: Observations, owner: Integers) -> None:
    layout = table.layout
    found: dict[int, list[Evidence]] = {}
    for row, event in zip(owner.tolist(), seen.text.tolist(), strict=True):
        if seen.evidence[event]:
            found.setdefault(row, list(table.evidence[row])).extend(seen.evidence[event])
    for row, items in found.items():
        table.evidence[row] = strongest(items, layout.evidence, layout.evidence_per_label)


def _offsets(table: ProfileTable, seen: Observations, owner: Integers) -> list[dict[str, int]]:
    merged = [dict(offsets) for offsets in table.offsets]
    for row, partition, offset in zip(owner.tolist(), seen.partition, seen.offset, strict=True):
        if offset > merged[row].get(partition, -1):
            merged[row][partition] = offset
    return merged


def _recent(table: ProfileTable, seen: Observations, owner: Integers) -> list[tuple[int, ...]]:
    ids: dict[int, list[int]] = {}
    for row, event in zip(owner.tolist(), seen.ids, strict=True):
        ids.setdefault(row, []).append(event)
    recent = list(table.recent)
    for row, new in ids.items():
        # The last one of equal ids counts; `dict` keeps the first that it meets, so it is given them backwards.
        both = dict.fromkeys(reversed([*recent[row], *new]))
        recent[row] = tuple(both)[: table.layout.recent][::-1]
    return recent
