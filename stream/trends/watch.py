"""The observer of trends in every worker: counts what it sees, and hands the counts over once a second."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence

import numpy as np
import structlog

from ...inference.models import ModelSet
from ...schemas.errors import UnavailableError
from ...schemas.events import EVENT_TYPES, DriftReport
from ...schemas.quick import ReadEvent
from ..engine.analysis import CONFIDENT
from ..engine.observing import Observed
from ..profile.units import type_index
from .buckets import MINUTES
from .store import TrendStore
from .surge import Surge, SurgeRule, surges
from .tally import Tally, tally

log = structlog.get_logger(__name__)

EVERY = 1.0  # seconds between two handovers
LOOK = 15.0  # seconds between two looks for a surge, whichever worker looks
QUIET = 1800  # seconds during which a topic's surge is told once
MOST_SEGMENTS = 32
_LONGEST = 64  # characters of a segment's name
OTHERS = "others"
_KINDS = [f"type:{name}" for name in EVENT_TYPES]

Report = Callable[[DriftReport], Awaitable[None]]


class TrendWatch:
    """Counts texts by segment and topic. Segments are the types of events, and values of one property.

    Args:
        store: Where the counts of all workers add up.
        report: Takes alarms to `drift-reports`.
        segment: A property of events (a country, a plan, ...) whose values are segments; beyond 32 values, `others`.
        rule: What a surge is.
        clock: Seconds since 1970.

    Attributes:
        texts: Counted since the start.
        surges: Alarms that this worker raised.
    """

    def __init__(
        self,
        store: TrendStore,
        report: Report,
        *,
        segment: str | None = None,
        rule: SurgeRule | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._report = report
        self._property = segment
        self._rule = rule or SurgeRule()
        self._clock = clock
        self._counts: Tally = Counter()
        self._values: set[str] = set()
        self._model = ""
        self.texts = 0
        self.surges = 0

    def observe(self, seen: Observed) -> None:
        """See Observer."""
        self._model = seen.models.encoder
        self.texts += len(seen.texts)
        segments = map(self._segments, seen.events)
        self._counts.update(tally(segments, topics(seen), seen.said.polarity.tolist()))

    async def run(self) -> None:
        """Hand over and look, until it is cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.hand_over()
                if await self._store.claim("look", int(LOOK)):
                    await self.look()
            except UnavailableError as error:
                log.warning("trends wait for a service", error=str(error))

    def figures(self) -> Iterable[tuple[str, float, tuple[str, ...]]]:
        """See Watch."""
        return [("profilestream_drift_alarms_total", self.surges, ("sentiment",))]

    async def hand_over(self) -> None:
        """Add what was counted to everybody's.

        Raises:
            StoreUnavailableError: It is kept for the next time; what had arrived may count twice.
        """
        counts, self._counts = self._counts, Counter()
        try:
            if counts:
                await self._store.add(self._clock(), counts)
        except UnavailableError:
            self._counts.update(counts)
            raise

    async def look(self) -> list[Surge]:
        """Look for surges, and report each topic's once in half an hour.

        Raises:
            UnavailableError: Try again later.
        """
        tallies = await self._store.read(MINUTES, MINUTES.last(self._clock(), MINUTES.kept))
        recent = self._rule.minutes
        found = surges(tallies[:-recent], tallies[-recent:], self._rule)
        new = [surge for surge in found if await self._store.claim(f"surge:{surge.topic}", QUIET)]
        for surge in new:
            self.surges += 1
            log.warning("surge", summary=surge.summary)
            await self._tell(surge)
        return new

    async def _tell(self, surge: Surge) -> None:
        now = int(self._clock() * 1000)
        await self._store.note(
            {
                "time": now,
                "topic": surge.topic,
                "texts": surge.texts,
                "negative": surge.negative,
                "expected": surge.expected,
                "summary": surge.summary,
            }
        )
        await self._report(
            DriftReport(
                id=str(uuid.uuid4()),
                kind="sentiment",
                state="alarm",
                model=self._model,
                time=now,
                events=self.texts,
                summary=surge.summary,
                scores={"negative": float(surge.negative), "expected": surge.expected, "chance": surge.chance},
            )
        )

    def _segments(self, event: ReadEvent) -> tuple[str, ...]:
        kind = _KINDS[type_index(event.type)]
        value = event.properties.get(self._property) if self._property else None
        if value is None:
            return (kind,)
        name = f"{self._property}:{value}"[:_LONGEST]
        if name not in self._values and len(self._values) >= MOST_SEGMENTS:
            name = f"{self._property}:{OTHERS}"
        else:
            self._values.add(name)
        return kind, name


def topics(seen: Observed) -> Sequence[str | None]:
    """What each text is about: its best label of the `interest` task, None where the head is not sure."""
    columns, names = _interests(seen.said.label_ids.tolist(), seen.models)
    if not columns:
        return [None] * len(seen.texts)
    scores = seen.said.scores[:, columns]
    best = scores.argmax(axis=1)
    sure = scores[np.arange(len(best)), best] >= CONFIDENT
    return [names[label] if certain else None for label, certain in zip(best.tolist(), sure.tolist(), strict=True)]


def _interests(label_ids: list[int], models: ModelSet) -> tuple[list[int], list[str]]:
    named = [(column, *models.label_name(label)) for column, label in enumerate(label_ids)]
    ours = [(column, label) for column, task, label in named if task == "interest"]
    return [column for column, _ in ours], [label for _, label in ours]
