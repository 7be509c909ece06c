"""A profile as people read it."""

from collections.abc import Callable

import numpy as np

from ...schemas.events import EVENT_TYPES, Evidence, Interest
from .table import Floats, ProfileTable

LabelName = Callable[[int], tuple[str, str]]  # id -> (task, label)


class Interests:
    """The labels of the `interest` task in a table: looked up once, read for many rows.

    Args:
        table: n profiles.
        name: Task and label of a label id.
    """

    def __init__(self, table: ProfileTable, name: LabelName) -> None:
        self.table = table
        names = [name(label) for label in table.label_ids.tolist()]
        self._columns = [column for column, (task, _) in enumerate(names) if task == "interest"]
        self._labels = [names[column][1] for column in self._columns]
        self._ranked: dict[tuple[int, int], list[list[tuple[int, float]]]] = {}

    def leading(self, row: int, half_life: int, most: int = 5) -> tuple[Interest, ...]:
        """The labels with the largest sums, best first, of equal ones the lower id; shares are of all interests.

        Args:
            row: Which profile.
            half_life: 0 for the short one, -1 for the long one.
            most: At most so many.
        """
        if not self._columns:
            return ()
        found = self._ranked.get((half_life, most)) or self._rank(half_life, most)
        return tuple([Interest(label=self._labels[column], share=share) for column, share in found[row]])

    def _rank(self, half_life: int, most: int) -> list[list[tuple[int, float]]]:
        """For each row the columns of its leading labels, best first, with their shares."""
        sums = self.table.labels[:, half_life, self._columns]
        totals = sums.sum(axis=1, keepdims=True)
        best = np.argsort(-sums, axis=1, kind="stable")[:, :most]
        shares = np.take_along_axis(sums, best, axis=1) / np.where(totals > 0, totals, 1.0)
        self._ranked[half_life, most] = ranked = [
            [(column, share) for column, share in zip(columns, row, strict=True) if share > 0]
            for columns, row in zip(best.tolist(), shares.tolist(), strict=True)
        ]
        return ranked


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
