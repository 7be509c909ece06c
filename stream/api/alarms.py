"""Alarms of drift, from `drift-reports`: each from its beginning to its end."""

from collections import OrderedDict
from typing import cast, get_args

from ...schemas.events import DriftReport
from .answers import Alarm, Drift, DriftKind, Moved, Signal

KEPT = 100  # alarms
POINTS = 200  # of a signal


class AlarmLog:
    """What was reported, in bounded memory."""

    def __init__(self) -> None:
        self._alarms: OrderedDict[str, Alarm] = OrderedDict()
        self._scores: dict[str, list[tuple[int, float]]] = {}
        self._last: DriftReport | None = None

    async def take(self, report: DriftReport) -> None:
        """A message of `drift-reports`."""
        before = self._alarms.pop(report.id, None)
        over = report.time if report.state == "over" else None
        self._alarms[report.id] = before.model_copy(update={"over": over}) if before and over else _alarm(report, over)
        while len(self._alarms) > KEPT:
            self._alarms.popitem(last=False)
        for name, score in report.scores.items():
            self._scores[name] = [*self._scores.get(name, [])[-POINTS + 1 :], (report.time, score)]
        self._last = report

    @property
    def alarms(self) -> list[Alarm]:
        """The newest first."""
        return sorted(self._alarms.values(), key=lambda alarm: -alarm.time)

    async def drift(self) -> Drift:
        """As far as reports tell: what was measured between alarms is not in them."""
        last, alarms = self._last, self.alarms
        if last is None:
            return Drift(state="empty", time=None, events=0, signals=[], moved=[], alarms=[])
        return Drift(
            state="alarm" if any(alarm.over is None for alarm in alarms) else "ok",
            time=last.time,
            events=last.events,
            signals=[Signal(name=n, score=points[-1][1], history=points) for n, points in sorted(self._scores.items())],
            moved=_moved(last),
            alarms=alarms,
        )


def _alarm(report: DriftReport, over: int | None) -> Alarm:
    return Alarm(
        id=report.id,
        time=report.time,
        over=over,
        kind=cast("DriftKind", report.kind if report.kind in get_args(DriftKind) else "other"),
        model=report.model,
        summary=report.summary,
        words=list(report.words),
        examples=list(report.examples),
        moved=_moved(report),
    )


def _moved(report: DriftReport) -> list[Moved]:
    return [Moved(code=code.code, reference=code.reference, current=code.current) for code in report.codes]
