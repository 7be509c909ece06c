"""The plain fold of user-events: what profiles must hold, computed from the log alone, without engine and store.

Counts, event types, hours, times and weights: all that depends on no model. Events are checked as a worker checks
them; what it would set aside is not counted, nor is an id that is among the last few of its user (`Layout.recent`).
Within one batch a worker recognises ids from further back as well, so a producer that repeats itself that late may be
counted twice here.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...schemas.errors import BadRecordError
from ...schemas.events import UserEvent
from ...schemas.validation import Limits, validate
from ...schemas.wire import Wire
from ..engine.analysis import id_hash
from ..engine.ports import Record
from ..profile.layout import Layout
from ..profile.reduce import reduce
from ..profile.table import ProfileTable, concatenate
from ..profile.units import Observations, type_index, units

_AT_ONCE = 20_000


class Fold:
    """Adds events up. Remembers about 1 KB a user.

    Args:
        layout: Of the profiles.
        limits: What a valid event is.
        wire: How events are written.

    Attributes:
        events: How many were good.
        bad: How many a worker would set aside.
        repeated: How many ids came again.
    """

    def __init__(self, layout: Layout, limits: Limits, wire: Wire | None = None) -> None:
        self._layout = replace(layout, dimensions=1, codes=1)  # nothing is said of vectors
        self._limits = limits
        self._wire = wire or Wire()
        self._rows: dict[str, int] = {}
        self._ids: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=layout.recent))
        self._table = ProfileTable.empty(0, self._layout, np.zeros(0, np.int64))
        self._waiting: list[tuple[Record, UserEvent, int]] = []
        self.events = self.bad = self.repeated = 0

    async def take(self, records: Sequence[Record]) -> None:
        """Add records; all of one user have to come in their order."""
        await self._wire.prepare([record.value for record in records])
        for record in records:
            try:
                event = self._wire.decode(UserEvent, record.value)
                event = validate(event, record.key, record.timestamp, self._limits)
            except BadRecordError:
                self.bad += 1
                continue
            self._add(record, event)
        # A table of many users is not copied for a few events.
        if len(self._waiting) >= max(_AT_ONCE, len(self._rows)):
            self._reduce()

    def profiles(self) -> tuple[list[str], ProfileTable]:
        """Users, and a row for each of them."""
        self._reduce()
        return list(self._rows), self._table

    def _add(self, record: Record, event: UserEvent) -> None:
        self._rows.setdefault(event.user, len(self._rows))
        recent, number = self._ids[event.user], id_hash(event.id)
        if number in recent:
            self.repeated += 1
            return
        recent.append(number)
        self.events += 1
        self._waiting.append((record, event, number))

    def _reduce(self) -> None:
        if not self._waiting:
            return
        owner = [self._rows[event.user] for _, event, _ in self._waiting]
        group = np.concatenate([np.arange(len(self._table)), np.array(owner, dtype=np.int64)])
        both = concatenate([self._table, units(_observed(self._waiting), self._layout)])
        self._table = reduce(both, group, len(self._rows))
        self._waiting.clear()


def _observed(waiting: Sequence[tuple[Record, UserEvent, int]]) -> Observations:
    texts = [row for row, (_, event, _) in enumerate(waiting) if event.text and event.text.strip()]
    return Observations(
        time=np.array([event.time for _, event, _ in waiting], dtype=np.int64),
        type=np.array([type_index(event.type) for _, event, _ in waiting], dtype=np.int64),
        text=np.array(texts, dtype=np.int64),
        label_ids=np.zeros(0, np.int64),
        scores=np.zeros((len(texts), 0)),
        polarity=np.zeros(len(texts)),
        vectors=np.zeros((len(texts), 1)),
        codes=np.zeros(len(texts), np.int64),
        evidence=[()] * len(waiting),
        ids=[number for _, _, number in waiting],
        partition=[str(record.partition) for record, _, _ in waiting],
        offset=[record.offset for record, _, _ in waiting],
    )
