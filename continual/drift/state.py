"""A monitor as bytes, so that it survives a restart and moves from one judge to the next. Safetensors, no pickle."""

from dataclasses import asdict
from typing import Any

import numpy as np

from ...inference.artefacts import Tensors, need, need_value, pack, unpack
from ...schemas.events import DriftReport, MovedCode
from .calibration import Thresholds
from .monitor import NAMES, DriftMonitor, DriftOptions
from .reference import Reference
from .rows import Rows

_KIND = "drift monitor"


def save(monitor: DriftMonitor, taken: str, anchors: "np.ndarray[Any, Any] | None") -> bytes:
    """Everything that a monitor knows.

    Args:
        monitor: The monitor.
        taken: Name of the last report that is in it.
        anchors: Embeddings of the anchor sentences when it was begun.
    """
    tensors: Tensors = {
        **_rows("gathered", monitor.gathered),
        **_rows("window", monitor.windows.get()),
        "scores": monitor.scores,
        "adwin.novelty": monitor.adwin["novelty"].recent,
        "adwin.confidence": monitor.adwin["confidence"].recent,
        "adwin.errors": monitor.feedback.adwin.recent,
        "anchors": np.zeros((0, 0), np.float32) if anchors is None else anchors,
    }
    if monitor.reference and monitor.thresholds:
        tensors |= monitor.reference.tensors() | {"thresholds": monitor.thresholds.array()}
    return pack(_KIND, tensors, _metadata(monitor, taken))


def load(data: bytes, options: DriftOptions) -> "tuple[DriftMonitor, str, np.ndarray[Any, Any] | None]":
    """What `save` wrote.

    Raises:
        ArtefactError: Truncated, altered, or of other statistics or options.
    """
    tensors, said = unpack(_KIND, data)
    monitor = DriftMonitor(
        need_value(_KIND, said, "model", str),
        need_value(_KIND, said, "codes", int),
        options,
        need_value(_KIND, said, "since", int),
    )
    if tensors.get("reference.blocks") is not None:
        monitor.reference = Reference.of(tensors, need_value(_KIND, said, "words", dict))
        monitor.thresholds = Thresholds.of_array(need(_KIND, tensors, "thresholds", (2, len(NAMES) + 1)))
    _restore(monitor, tensors, said)
    anchors = tensors["anchors"]
    return monitor, need_value(_KIND, said, "taken", str), anchors if len(anchors) else None


def _metadata(monitor: DriftMonitor, taken: str) -> dict[str, Any]:
    return {
        "model": monitor.model,
        "codes": monitor.codes,
        "since": monitor.since,
        "taken": taken,
        "events": monitor.events,
        "checks": monitor.checks,
        "calm": monitor.calm,
        "rest": monitor.windows.rest,
        "worse": [monitor.labels_worse, monitor.encoder_moved],
        "feedback": monitor.feedback.state(),
        "history": list(monitor.history),
        "on": monitor.alarm is not None,
        "alarms": [asdict(alarm) for alarm in monitor.alarms],
        "words": dict(monitor.reference.words) if monitor.reference else {},
        "texts": [monitor.gathered.texts, monitor.windows.get().texts],
    }


def _restore(monitor: DriftMonitor, tensors: Tensors, said: dict[str, Any]) -> None:
    gathered, window = need_value(_KIND, said, "texts", list)
    monitor.gathered = _read_rows("gathered", tensors, gathered)
    rows = _read_rows("window", tensors, window)
    monitor.windows.restore(rows, need_value(_KIND, said, "rest", int))
    if monitor.windows.full:
        monitor.current = rows[: len(rows) - monitor.windows.rest]
    monitor.scores = need(_KIND, tensors, "scores", (len(NAMES),))
    for name, detector in monitor.adwin.items():
        detector.restore(need(_KIND, tensors, f"adwin.{name}", (-1,)))
    monitor.feedback.restore(need_value(_KIND, said, "feedback", dict), need(_KIND, tensors, "adwin.errors", (-1,)))
    monitor.events, monitor.checks, monitor.calm = said["events"], said["checks"], said["calm"]
    monitor.labels_worse, monitor.encoder_moved = said["worse"]
    monitor.history.extend((time, scores) for time, scores in said["history"])
    monitor.alarms.extend(_report(alarm) for alarm in said["alarms"])
    monitor.alarm = monitor.alarms[0] if said["on"] else None


def _report(fields: dict[str, Any]) -> DriftReport:
    codes = tuple(MovedCode(**code) for code in fields["codes"])
    return DriftReport(**{**fields, "codes": codes})


def _rows(name: str, rows: Rows) -> Tensors:
    return {f"{name}.codes": rows.codes, f"{name}.novelty": rows.novelty, f"{name}.confidence": rows.confidence}


def _read_rows(name: str, tensors: Tensors, texts: list[str]) -> Rows:
    codes, novelty, confidence = (
        need(_KIND, tensors, f"{name}.{part}", (len(texts),)) for part in ("codes", "novelty", "confidence")
    )
    return Rows(codes, novelty, confidence, tuple(texts))
