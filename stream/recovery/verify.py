"""The store beside the fold of user-events: is every event in its user's profile exactly once?

A profile is compared exactly where it holds no event from outside the range. Where it may (the range begins later than
the profile, or the worker went on meanwhile), it must hold at least what the fold has. An event that a worker has not
acknowledged yet is not lost but under way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..engine.ports import Partition
from ..profile.layout import Layout
from ..profile.state import decode_states
from ..profile.table import Floats, ProfileTable
from ..store.base import ProfileStore
from .comparison import Difference, pieces
from .fold import Fold
from .scan import Span

EXACT = 1e-6  # relative, for sums that are stored as float64
ROUNDED = 1e-4  # relative, for those rounded to float32 at each change of a profile

_USERS = 500  # a round trip


@dataclass(slots=True)
class Checked:
    """What was found.

    Attributes:
        exact: Users whose profile was compared exactly.
        at_least: Users whose profile may hold more than the range.
        under_way: Users with an event that no worker has acknowledged yet.
        differences: All others.
    """

    exact: int = 0
    at_least: int = 0
    under_way: int = 0
    differences: list[Difference] = field(default_factory=list)


class Verifier:
    """Compares profiles with a fold.

    Args:
        store: Where profiles are.
        layout: Of the profiles.
        spans: What was folded, by partition.
        whole: Whether nothing came before it: every partition from offset 0.
        settled: For each `topic-partition`, the offset before which everything must be stored.
        ignore: Users of whom nothing can be said: they were erased in between.
    """

    def __init__(
        self,
        store: ProfileStore,
        layout: Layout,
        *,
        spans: Mapping[Partition, Span],
        whole: bool,
        settled: Mapping[str, int],
        ignore: set[str],
    ) -> None:
        self._store = store
        self._layout = layout
        self._ends = {str(partition): span.end for partition, span in spans.items()}
        self._whole = whole
        self._settled = settled
        self._ignore = ignore

    async def check(self, fold: Fold) -> Checked:
        """Compare every user of the fold."""
        users, expected = fold.profiles()
        checked = Checked()
        for rows in pieces(range(len(users)), _USERS):
            stored = await self._store.load([users[row] for row in rows])
            found = decode_states([value and value.state for value in stored], self._layout, model="")
            for number, row in enumerate(rows):
                if users[row] not in self._ignore:
                    self._judge(users[row], expected, row, found, number, checked)
        return checked

    def _judge(
        self, user: str, expected: ProfileTable, row: int, found: ProfileTable, number: int, checked: Checked
    ) -> None:
        offsets = found.offsets[number]
        lacking = {name: last for name, last in expected.offsets[row].items() if offsets.get(name, -1) < last}
        lost = [name for name, last in lacking.items() if last < self._settled.get(name, 0)]
        if lost:
            events = int(found.events[number])
            detail = f"{events} of {expected.events[row]} events; offset {lacking[lost[0]]} of {lost[0]} is not in it"
            checked.differences.append(Difference(user, "behind" if events else "missing", detail))
        elif lacking:
            checked.under_way += 1
        else:
            self._judge_sums(user, expected, row, found, number, checked)

    def _judge_sums(
        self, user: str, expected: ProfileTable, row: int, found: ProfileTable, number: int, checked: Checked
    ) -> None:
        inside = self._whole and all(o < self._ends.get(name, 0) for name, o in found.offsets[number].items())
        checked.exact += inside
        checked.at_least += not inside
        wrong = unequal(expected, row, found, number) if inside else _too_little(expected, row, found, number)
        if wrong:
            checked.differences.append(Difference(user, "different", wrong))


def unequal(expected: ProfileTable, row: int, found: ProfileTable, number: int) -> str:
    """What differs, in words; nothing where all is equal."""
    counts = int(found.events[number]), int(expected.events[row])
    if counts[0] != counts[1]:
        return f"{counts[0]} events, and the log has {counts[1]}"
    same = {
        "first seen": found.first[number] == expected.first[row],
        "last seen": found.last[number] == expected.last[row],
        "weights": _close(found.weights[number], expected.weights[row], EXACT),
        "texts": _close(found.texts[number], expected.texts[row], EXACT),
        "types": _close(found.types[number], expected.types[row], ROUNDED),
        "hours": _close(found.hours[number], expected.hours[row], ROUNDED),
    }
    return ", ".join(name for name, equal in same.items() if not equal)


def _too_little(expected: ProfileTable, row: int, found: ProfileTable, number: int) -> str:
    if found.events[number] < expected.events[row]:
        return f"{int(found.events[number])} events, and the range alone has {int(expected.events[row])}"
    if found.first[number] > expected.first[row] or found.last[number] < expected.last[row]:
        return "first or last seen leave events of the range out"
    return ""


def _close(found: Floats, expected: Floats, relative: float) -> bool:
    return bool(np.allclose(found, expected, rtol=relative, atol=relative))
