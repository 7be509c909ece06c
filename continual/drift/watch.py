"""The observer of drift in every worker: notes what it sees, reports it, and judges when it is its turn."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import structlog

from ...inference.models import ModelSet, Understanding
from ...schemas.errors import UnavailableError
from .judge import DriftJudge, Shared
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
        judged = 0
        if self._codes and await self._store.lease(self._name, LEASE):
            for model, codes in self._codes.items():
                judged += await self._judge.turn(model, codes)
        return judged

    def figures(self) -> Mapping[str, Any]:
        """For metrics: `score{statistic}` in units of its threshold, alarms by kind, texts noted and dropped."""
        monitor = self._judge.monitor
        return {
            "texts": self.texts,
            "dropped": self.dropped,
            "alarms": dict(self._judge.alarms),
            "scores": monitor.score_by_name() if monitor else {},
            "errors": monitor.feedback.get() if monitor else None,
            "alarm": monitor.alarm.kind if monitor and monitor.alarm else None,
        }

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
