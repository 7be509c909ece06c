"""The observer of drift in every worker: notes what it sees, reports it, and judges when it is its turn."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Protocol, get_args

import numpy as np
import structlog

from ...inference.models import ModelSet, Understanding
from ...schemas.errors import UnavailableError
from .judge import DriftJudge, Shared
from .kinds import Kind
from .rows import EXCERPT, Notes, Rows

log = structlog.get_logger(__name__)

EVERY = 0.5  # seconds
LEASE = 5  # seconds that a judge may be silent before another takes over
MOST_KEPT = 20_000  # texts that wait for the store while it is away; then the oldest are dropped


class Seen(Protocol):
    """A finished micro-batch; see `stream.engine.observing.Observed`."""

    @property
    def texts(self) -> Sequence[str]:
        """Redacted."""
        ...

    @property
    def said(self) -> Understanding:
        """What was understood of them."""
        ...

    @property
    def models(self) -> ModelSet:
        """With what."""
        ...


class DriftWatch:
    """Notes what a worker sees.

    Args:
        name: Of this process, for the lease.
        store: Where all report.
        judge: Used while this process has the lease.

    Attributes:
        texts: Noted.
        dropped: Notes given up because the store was away too long.
    """

    def __init__(self, name: str, store: Shared, judge: DriftJudge) -> None:
        self._name = name
        self._store = store
        self._judge = judge
        self._notes: dict[str, list[Rows]] = {}
        self._codes: dict[str, int] = {}
        self.texts = 0
        self.dropped = 0

    def observe(self, seen: Seen) -> None:
        """Take note of a batch: some arrays and the beginnings of its texts."""
        model = seen.models.encoder
        self._codes = {model: len(seen.models.codebook.codes)}
        self._notes.setdefault(model, []).append(rows_of(seen.said, seen.texts))
        self.texts += len(seen.texts)

    async def run(self) -> None:
        """Report and judge, until it is cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.turn()
            except UnavailableError as error:
                log.warning("drift waits for a service", error=str(error))

    async def turn(self) -> int:
        """Report what was noted; judge what all have noted, where it is our turn.

        Returns:
            Reports judged.

        Raises:
            UnavailableError: What could not be reported is kept for the next time.
        """
        await self._report()
        if not self._codes:
            return 0
        if not await self._store.lease(self._name, LEASE):
            self._judge.rest()
            return 0
        return sum([await self._judge.turn(model, codes) for model, codes in self._codes.items()])

    def figures(self) -> Iterator[tuple[str, float, tuple[str, ...]]]:
        """For metrics, of whoever judges: scores in units of their thresholds, alarms by kind."""
        for kind, count in self._judge.alarms.items():
            yield "profilestream_drift_alarms_total", count, (kind,)
        if (monitor := self._judge.monitor) is None:
            return
        for name, score in monitor.score_by_name().items():
            yield "profilestream_drift_score", score, (name,)
            yield "profilestream_drift_threshold", 1.0, (name,)
        for kind in get_args(Kind):
            yield "profilestream_drift_alarm", float(monitor.alarm is not None and monitor.alarm.kind == kind), (kind,)

    async def _report(self) -> None:
        notes, self._notes = self._notes, {}
        for model in list(notes):
            rows = Rows.join(notes[model])[-MOST_KEPT:]
            self.dropped += max(sum(map(len, notes[model])) - MOST_KEPT, 0)
            try:
                await self._store.report(model, Notes(rows, np.zeros(0, np.uint8)).to_bytes())
            except UnavailableError:
                self._notes[model] = [rows, *self._notes.get(model, [])]
                raise
            del notes[model]


def rows_of(said: Understanding, texts: Sequence[str]) -> Rows:
    """What is noted of texts."""
    sure = said.scores.max(axis=1, initial=0.0)
    return Rows(
        said.codes.astype(np.uint16),
        said.novelty.astype(np.float32),
        sure.astype(np.float32),
        tuple([text[:EXCERPT] for text in texts]),
    )
