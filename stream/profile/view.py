"""A profile as people read it."""

from collections.abc import Callable

import numpy as np

from ...schemas.events import EVENT_TYPES, Evidence, Interest
from .table import Floats, ProfileTable

LabelName = Callable[[int], tuple[str, str]]  # id -> (task, label)


def leading_labels(
    table: ProfileTable, row: int, half_life: int, name: LabelName, most: int = 5
) -> tuple[Interest, ...]:
    """The labels of the `interest` task with the largest sums, best first; shares are of all interests.

    Args:
        table: n profiles.
        row: Which of them.
        half_life: 0 for the short one, -1 for the long one.
        name: Task and label of a label id.
        most: At most so many.
    """
    ids = table.label_ids
    sums = table.labels[row, half_life]
    of_task = np.array([name(int(i))[0] == "interest" for i in ids], dtype=bool)
    total = float(sums[of_task].sum())
    if not total > 0:
        return ()
    best = sorted(np.flatnonzero(of_task & (sums > 0)), key=lambda column: (-sums[column], ids[column]))[:most]
    return tuple(Interest(label=name(int(ids[column]))[1], share=float(sums[column] / total)) for column in best)


def sentiment(table: ProfileTable, row: int, half_life: int) -> tuple[float, float] | None:
    """Mean polarity (-1 to 1) and its standard deviation; None where no text was seen."""
    weight, first, second = table.sentiment[row, half_life]
    if not weight > 0:
        return None
    mean = first / weight
    return float(mean), float(np.sqrt(max(second / weight - mean**2, 0.0)))


def evidence(table: ProfileTable, row: int, name: LabelName) -> tuple[Evidence, ...]:
    """Why the leading labels lead, the strongest event first."""
    return tuple(
        Evidence(label=name(e.label)[1], event=e.event, excerpt=e.excerpt, confidence=e.confidence, time=e.time)
        for e in table.evidence[row]
    )


def habits(table: ProfileTable, row: int) -> tuple[dict[str, float], list[float]]:
    """Shares of event types, and of the 24 hours of the day (UTC), at the long half-life."""
    types, hours = table.types[row, -1], table.hours[row]
    shares = _shares(types)
    return {name: share for name, share in zip(EVENT_TYPES, shares.tolist(), strict=True) if share}, _shares(
        hours
    ).tolist()


def _shares(sums: Floats) -> Floats:
    total = sums.sum()
    return sums / total if total > 0 else np.zeros_like(sums)
