"""The monitor on what all workers noted: one judge at a time, and whoever comes next goes on where it stopped."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from ...inference.embedder import Embeddings
from ...schemas.errors import ArtefactError
from ...schemas.events import DriftReport
from .anchors import ANCHORS, moved
from .monitor import DriftMonitor, DriftOptions
from .rows import Notes
from .state import load, save
from .status import status

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 64  # reports in a turn
ASK_ENCODER = 60.0  # seconds between two looks at the anchor sentences while all is calm


class Shared(Protocol):
    """Where workers report and the state lies; see `stream.store.drift.DriftStore`."""

    async def report(self, model: str, data: bytes) -> None:
        """Add a report."""

    async def reports(self, model: str, after: str, most: int) -> list[tuple[str, bytes]]:
        """Reports after the one of this name."""
        ...

    async def load(self, model: str) -> tuple[int, bytes | None]:
        """State and revision."""
        ...

    async def save(self, model: str, revision: int, data: bytes) -> bool:
        """Whether the state of that revision was replaced."""
        ...

    async def publish(self, model: str, status: dict[str, Any]) -> None:
        """Show what was found."""

    async def lease(self, owner: str, seconds: int) -> bool:
        """Whether this judge may judge."""
        ...


@dataclass(slots=True)
class _Case:
    """What a judge knows of a model; good as long as the stored revision is this one."""

    monitor: DriftMonitor
    revision: int
    taken: str
    anchors: Embeddings | None


class DriftJudge:
    """Judges the notes of one model.

    Args:
        store: Where the notes are.
        tell: Takes alarms away; called after the state that knows of them is stored, so a crash between the two loses
            the message on the topic, never the alarm in the status.
        ask_encoder: Embeds texts with a model, around any cache; None where nobody can be asked.
        options: How to watch.
        clock: Seconds since 1970.

    Attributes:
        alarms: Told by this judge, by kind.
        monitor: As it was judged last; None before.
    """

    def __init__(
        self,
        store: Shared,
        tell: Callable[[DriftReport], Awaitable[None]],
        *,
        ask_encoder: Callable[[str, Sequence[str]], Awaitable[Embeddings]] | None = None,
        options: DriftOptions | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._tell = tell
        self._ask = ask_encoder
        self._options = options or DriftOptions()
        self._clock = clock
        self._case: _Case | None = None
        self._asked = 0.0
        self.alarms: dict[str, int] = {}

    @property
    def monitor(self) -> DriftMonitor | None:
        """See the class."""
        return self._case.monitor if self._case else None

    async def turn(self, model: str, codes: int) -> int:
        """Judge what was noted since the last turn, of whoever's.

        Args:
            model: The encoder.
            codes: In its codebook.

        Returns:
            Reports that were judged; 0 where there are none or another judge was faster.

        Raises:
            UnavailableError: Try again, nothing is lost.
        """
        case = await self._look(model, codes)
        found = await self._store.reports(model, case.taken, MOST_AT_ONCE)
        if not found:
            return 0
        reports = await self._encoder(case)
        # In a thread: thresholds for a new encoder take long, and events would wait.
        reports += await asyncio.to_thread(self._judge, case, found)
        if not await self._store.save(model, case.revision, save(case.monitor, case.taken, case.anchors)):
            self._case = None  # what we made of it is thrown away, and the other's state is read
            return 0
        case.revision += 1
        await self._store.publish(model, status(case.monitor, self._now()))
        for report in reports:
            self.alarms[report.kind] = self.alarms.get(report.kind, 0) + (report.state == "alarm")
            log.warning("drift", state=report.state, kind=report.kind, summary=report.summary)
            await self._tell(report)
        return len(found)

    def rest(self) -> None:
        """Somebody else judges: what we remember will soon be old."""
        self._case = None

    def _judge(self, case: _Case, found: Sequence[tuple[str, bytes]]) -> list[DriftReport]:
        reports: list[DriftReport] = []
        for name, data in found:
            try:
                reports += case.monitor.update(Notes.from_bytes(data), self._now())
            except ArtefactError as error:
                log.warning("drift report left out", error=str(error))
            case.taken = name
        return reports

    async def _look(self, model: str, codes: int) -> _Case:
        """The case as it is stored, in memory where nobody else has changed it."""
        if self._case and self._case.monitor.model == model:
            return self._case
        revision, data = await self._store.load(model)
        self._case = _Case(DriftMonitor(model, codes, self._options, self._now()), revision, "", None)
        if data is not None:
            try:
                monitor, taken, anchors = load(data, self._options)
                self._case = _Case(monitor, revision, taken, anchors)
            except ArtefactError as error:
                log.warning("drift state is of no use, beginning anew", error=str(error))
        return self._case

    async def _encoder(self, case: _Case) -> list[DriftReport]:
        """Look at the anchor sentences, where it is time or something is wrong."""
        now = self._clock()
        if self._ask is None or not (case.monitor.suspects or now - self._asked >= ASK_ENCODER):
            return []
        self._asked = now
        embeddings = await self._ask(case.monitor.model, ANCHORS)
        if case.anchors is None:
            case.anchors = embeddings
        return case.monitor.encoder_said(moved=moved(case.anchors, embeddings), now=self._now())

    def _now(self) -> int:
        return int(self._clock() * 1000)
