"""What a monitor shows: plain values for readers; `stream/store/drift.py` says what they mean."""

from typing import Any

import numpy as np

from .monitor import NAMES, DriftMonitor
from .reference import EDGES, histogram
from .statistics import STATISTICS
from .sums import Floats


def status(monitor: DriftMonitor, now: int) -> dict[str, Any]:
    """The state of a monitor.

    Args:
        monitor: The monitor.
        now: Time in ms.
    """
    return {
        "model": monitor.model,
        "since": monitor.since,
        "time": now,
        "state": _state(monitor),
        "kind": monitor.alarm.kind if monitor.alarm else None,
        "summary": _summary(monitor),
        "events": monitor.events,
        "reference": monitor.reference.texts if monitor.reference else len(monitor.gathered),
        "wanted": monitor.options.reference,
        "checks": monitor.checks,
        "statistics": _statistics(monitor),
        "history": _history(monitor),
        "codes": _codes(monitor),
        "novelty": _novelty(monitor),
        "feedback": {
            "labels": monitor.feedback.labels,
            "errors": monitor.feedback.get(),
            "usual": monitor.feedback.usual,
        },
        "alarms": monitor.alarm_dicts(),
    }


def _state(monitor: DriftMonitor) -> str:
    if monitor.alarm:
        return "alarm"
    return "calm" if monitor.reference else "collecting"


def _summary(monitor: DriftMonitor) -> str:
    if monitor.alarm:
        return monitor.alarm.summary
    return "as usual" if monitor.reference else "learning what is usual"


def _statistics(monitor: DriftMonitor) -> list[dict[str, Any]]:
    window, reference = monitor.window_sums(), monitor.reference
    if window is None or reference is None:
        return []
    sums = reference.sums
    return [
        {
            "name": statistic.name,
            "title": statistic.title,
            "value": statistic.describe(window),
            "usual": statistic.describe(sums),
            "score": float(score),
        }
        for statistic, score in zip(STATISTICS, monitor.scores, strict=True)
    ]


def _history(monitor: DriftMonitor) -> dict[str, Any]:
    return {
        "times": [time for time, _ in monitor.history],
        "scores": {name: [scores[i] for _, scores in monitor.history] for i, name in enumerate(NAMES)},
    }


def _codes(monitor: DriftMonitor) -> dict[str, list[float]]:
    window, reference = monitor.window_sums(), monitor.reference
    return {
        "reference": _shares(reference.sums.codes) if reference else [],
        "current": _shares(window.codes) if window else [],
    }


def _novelty(monitor: DriftMonitor) -> dict[str, list[float]]:
    return {
        "edges": [round(float(edge), 4) for edge in EDGES],
        "reference": _shares(monitor.reference.histogram) if monitor.reference else [],
        "current": _shares(histogram(monitor.current)) if len(monitor.current) else [],
    }


def _shares(counts: Floats) -> list[float]:
    return [round(float(share), 5) for share in counts / np.maximum(counts.sum(), 1)]
