"""The monitor on a stream."""

import time
from dataclasses import dataclass, field

import numpy as np

from ..anchors import moved
from ..monitor import DriftMonitor, DriftOptions
from ..rows import Notes, Rows
from .streams import Cast, Change, Stream, exchanged

_BATCH = 25
_REPORT = 100  # texts in a worker's report: twice a second, at 200 texts a second; larger ones cost less a text
_NO_ERRORS = np.zeros(0, np.uint8)


@dataclass(slots=True)
class Costs:
    """Seconds and how many: of texts, and of checks."""

    texts: int = 0
    text_seconds: float = 0.0
    checks: int = 0
    check_seconds: float = 0.0


@dataclass(slots=True)
class Quiet:
    """On streams without a change."""

    texts: int = 0
    checks: int = 0
    alarms: int = 0
    adwin: int = 0
    costs: Costs = field(default_factory=Costs)


class Ours:
    """The monitor, with one reference and its thresholds for several streams.

    Args:
        cast: Whose reference.
        options: Of the monitor.
    """

    def __init__(self, cast: Cast, options: DriftOptions) -> None:
        self._cast, self._options = cast, options
        self._fitted = self._monitor()
        self._fitted.update(Notes(cast.scene.notes(cast.reference), _NO_ERRORS), 0)

    def quiet(self, stream: Stream, found: Quiet) -> None:
        """Count false alarms: each check that would raise one, even while one is on."""
        monitor = self._begun()
        for at in range(0, len(stream.rows), _REPORT):
            monitor.alarm, before = None, monitor.checks
            begun = time.process_time()
            notes = Notes.from_bytes(Notes(stream.rows[at : at + _REPORT], _NO_ERRORS).to_bytes())
            reports = monitor.update(notes, 0)
            _note(found.costs, time.process_time() - begun, len(notes.rows), monitor.checks - before)
            found.alarms += any(report.state == "alarm" for report in reports)
        found.checks += monitor.checks
        found.texts += len(stream.rows)
        found.adwin += self._adwin_alone(stream.rows)

    def changed(self, stream: Stream, change: Change) -> tuple[int | None, str | None]:
        """Texts (labels, where those change) from the change to the alarm, and what kind it is said to be."""
        monitor = self._begun()
        monitor.update(Notes(stream.rows[: stream.at], stream.errors[0]), 0)
        monitor.alarm, monitor.calm = None, 0
        if change == "labels":
            return self._labels(monitor, stream)
        for at in range(stream.at, len(stream.rows), _BATCH):
            reports = monitor.update(Notes(stream.rows[at : at + _BATCH], _NO_ERRORS), 0)
            if any(report.state == "alarm" for report in reports):
                if change == "encoder":
                    reports += monitor.encoder_said(moved=_anchors_moved(self._cast), now=0)
                return at + _BATCH - stream.at, reports[-1].kind
        return None, None

    def _labels(self, monitor: DriftMonitor, stream: Stream) -> tuple[int | None, str | None]:
        for at, error in enumerate(stream.errors[1]):
            if reports := monitor.update(Notes(Rows.empty(), np.array([error], np.uint8)), 0):
                return at + 1, reports[0].kind
        return None, None

    def _monitor(self) -> DriftMonitor:
        return DriftMonitor("bench", len(self._cast.scene.codebook.codes), self._options)

    def _begun(self) -> DriftMonitor:
        monitor = self._monitor()
        monitor.reference, monitor.thresholds = self._fitted.reference, self._fitted.thresholds
        return monitor

    def _adwin_alone(self, rows: Rows) -> int:
        """Changes for the worse that ADWIN sees in a quiet stream, on novelty and confidence together."""
        monitor, reference = self._begun(), self._fitted.reference
        new, sure = reference.residuals(rows) if reference else (np.zeros(0), np.zeros(0))
        worse = [moved > 0 for _, moved in monitor.adwin["novelty"].update(new)]
        worse += [moved < 0 for _, moved in monitor.adwin["confidence"].update(sure)]
        return sum(worse)


def _note(costs: Costs, seconds: float, texts: int, checks: int) -> None:
    """A batch with a check is a batch and a check: what a batch takes is known from the others."""
    if not checks:
        costs.texts += texts
        costs.text_seconds += seconds
        return
    costs.checks += checks
    costs.check_seconds += seconds - texts * costs.text_seconds / max(costs.texts, 1)


def _anchors_moved(cast: Cast) -> bool:
    some = cast.scene.texts.embeddings[cast.reference[:12]]
    return moved(some, exchanged(some))
