"""The drift monitor of one encoder: what it is told becomes a reference, then scores, then alarms. No I/O."""

import uuid
from collections import deque
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ...schemas.events import DriftReport
from .adwin import Adwin
from .calibration import Thresholds, calibrate, evaluate
from .evidence import Evidence, examples, moved_codes
from .kinds import Kind, classify, said
from .prequential import Prequential
from .reference import Reference
from .rows import Notes, Rows
from .statistics import STATISTICS
from .sums import Floats, Sums
from .windows import SlidingWindows
from .words import risen_words

NAMES = tuple(statistic.name for statistic in STATISTICS)
MOST_ALARMS = 50
HISTORY = 240  # checks
_CALM = 8  # checks in a row after which an alarm is over


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftOptions:
    """How to watch.

    Attributes:
        reference: Texts in the reference.
        window, step: Texts in a window, and between two; both whole blocks.
        block: Texts that are drawn together when thresholds are calibrated.
        level: Rate of false alarms at a check that the thresholds are calibrated for.
        draws: Of the calibration.
        rest: Seconds between its parts, see `calibrate`: all at once takes a core for a third of a second.
        delta: Of ADWIN.
        examples: Show beginnings of texts, redacted, in reports.
    """

    reference: int = 5000
    window: int = 500
    step: int = 125
    block: int = 25
    level: float = 0.002
    draws: int = 8000
    rest: float = 0.0
    delta: float = 1e-4
    examples: bool = True


class DriftMonitor:
    """Watches one encoder's stream.

    Args:
        model: The encoder's name.
        codes: In its codebook.
        options: How.
        since: When it was begun, in ms: the marker of a model switch.

    Attributes:
        events: Texts seen.
        checks: Windows judged.
        reference: What was usual; None until there are texts enough.
        alarm: The report of the alarm that is on.
        alarms: All reports that are kept, newest first.
    """

    def __init__(self, model: str, codes: int, options: DriftOptions | None = None, since: int = 0) -> None:
        self.model, self.codes, self.since = model, codes, since
        self.options = options or DriftOptions()
        self.events = self.checks = 0
        self.reference: Reference | None = None
        self.thresholds: Thresholds | None = None
        self.gathered = Rows.empty()
        self.windows = SlidingWindows(self.options.window, self.options.step)
        self.adwin = {name: Adwin(self.options.delta) for name in ("novelty", "confidence")}
        self.feedback = Prequential(self.options.delta)
        self.alarm: DriftReport | None = None
        self.alarms: deque[DriftReport] = deque(maxlen=MOST_ALARMS)
        self.scores: Floats = np.zeros(len(NAMES))
        self.history: deque[tuple[int, list[float]]] = deque(maxlen=HISTORY)
        self.current: Rows = Rows.empty()
        self.calm = 0
        self.adwin_worse = self.labels_worse = self.encoder_moved = False

    def update(self, notes: Notes, now: int) -> list[DriftReport]:
        """Take note; returns alarms that begin, become graver or end.

        Args:
            notes: In the order in which they were made, as far as it is known.
            now: Time in ms.
        """
        self.events += len(notes.rows)
        reports = self._judge({}, now) if self._learn_labels(notes) else []
        rows = self._gather(notes.rows)
        if len(rows) and self.reference:
            self._per_event(rows, self.reference)
            for window in self.windows.update(rows):
                reports += self._check(window, now)
        return reports

    def encoder_said(self, *, moved: bool, now: int) -> list[DriftReport]:
        """The anchor sentences were looked at."""
        self.encoder_moved = moved
        return self._judge({}, now) if moved else []

    @property
    def suspects(self) -> bool:
        """Whether the last window was too far: time to look at the anchor sentences."""
        return bool((self.scores > 1).any())

    def window_sums(self) -> Sums | None:
        """Of the last window."""
        return self.reference.summarise(self.current) if self.reference and len(self.current) else None

    def _learn_labels(self, notes: Notes) -> bool:
        """Whether feedback has just become worse."""
        worse = self.feedback.update(notes.errors.tolist())
        self.labels_worse = (self.labels_worse or worse) and not self.feedback.recovered
        return worse and self.labels_worse

    def _gather(self, rows: Rows) -> Rows:
        """Texts for the reference, until it is complete; returns those beyond it."""
        if self.reference:
            return rows
        self.gathered = Rows.join([self.gathered, rows])
        size = self.options.reference
        if len(self.gathered) < size:
            return Rows.empty()
        beyond, first = self.gathered[size:], self.gathered[:size]
        options = self.options
        self.reference = Reference.fit(first, self.codes, options.block)
        self.thresholds = calibrate(
            self.reference,
            window=options.window // options.block,
            step=options.step // options.block,
            level=options.level,
            draws=options.draws,
            rest=options.rest,
        )
        self.gathered = Rows.empty()
        return beyond

    def _per_event(self, rows: Rows, reference: Reference) -> None:
        """ADWIN on every text: the fast way to notice a large change."""
        new, sure = reference.residuals(rows)
        for detector, values, sign in ((self.adwin["novelty"], new, 1), (self.adwin["confidence"], sure, -1)):
            for _, moved in detector.update(values):
                self.adwin_worse = moved * sign > 0

    def _check(self, window: Rows, now: int) -> list[DriftReport]:
        assert self.reference and self.thresholds  # noqa: S101, PT018 (windows are gathered after the reference)
        self.checks += 1
        self.current = window
        values = evaluate(self.reference.summarise(window), self.reference.sums)
        before, self.scores = self.scores, self.thresholds.scores(values)
        self.history.append((now, [round(float(score), 3) for score in self.scores]))
        far = np.minimum(before, self.scores)  # two windows in a row
        return self._judge({name: float(score) for name, score in zip(NAMES, far, strict=True) if score > 1}, now)

    def _judge(self, scores: dict[str, float], now: int) -> list[DriftReport]:
        adwin, self.adwin_worse = self.adwin_worse, False
        kind = classify(scores, adwin=adwin, labels=self.labels_worse, encoder=self.encoder_moved)
        if kind is None:
            return self._calmer(now)
        self.calm = 0
        if self.alarm is not None and not _graver(kind, self.alarm.kind):
            return []
        self.alarm = self._report(kind, now)
        self.alarms.appendleft(self.alarm)
        return [self.alarm]

    def _calmer(self, now: int) -> list[DriftReport]:
        """Nothing speaks for a change at this check; after some of them the alarm is over."""
        self.calm += 1
        if self.alarm is None or self.calm < _CALM:
            return []
        over = replace(self.alarm, state="over", time=now, events=self.events, summary="as usual again", examples=[])
        self.alarm = None
        self.alarms.appendleft(over)
        return [over]

    def _report(self, kind: Kind, now: int) -> DriftReport:
        evidence = self._evidence(kind)
        words = f": {', '.join(evidence.words[:5])}" if evidence.words else ""
        return DriftReport(
            id=self.alarm.id if self.alarm else str(uuid.uuid4()),
            kind=kind,
            state="alarm",
            model=self.model,
            time=now,
            events=self.events,
            summary=said(kind) + words,
            scores=self.score_by_name(),
            codes=evidence.codes,
            words=list(evidence.words),
            examples=list(evidence.examples) if self.options.examples else [],
        )

    def _evidence(self, kind: Kind) -> Evidence:
        if kind == "labels" or self.reference is None or not len(self.current):
            return Evidence()
        codes = moved_codes(self.current, self.reference)
        shown = examples(self.current, self.reference, kind, codes)
        return Evidence(codes, risen_words(self.current.texts, self.reference.words), shown)

    def score_by_name(self) -> dict[str, float]:
        """Scores of the last window, in units of their thresholds."""
        return {name: float(score) for name, score in zip(NAMES, self.scores, strict=True)}

    def alarm_dicts(self) -> list[dict[str, Any]]:
        """The reports as plain values, newest first."""
        return [asdict(alarm) for alarm in self.alarms]


def _graver(kind: str, than: str | None) -> bool:
    """Whether a change is told again because it is of a graver kind than was told."""
    order = (None, "labels", "mix", "content", "model")
    return order.index(kind) > order.index(than)
