"""Streams whose changes are known: texts of a few topics, some of them unknown to the codebook."""

import numpy as np

from profilestream.continual.drift.monitor import DriftMonitor, DriftOptions
from profilestream.continual.drift.rows import Notes, Rows

CODES = 12
OPTIONS = DriftOptions(reference=2000, window=200, step=50, block=10, draws=4000)
NO_ERRORS = np.zeros(0, np.uint8)


def texts(count, seed=0, *, mix=None, novel=0.0):
    """Notes of texts; codes differ in how novel their texts are.

    Args:
        count: How many.
        seed: Of the draw.
        mix: Shares of the codes; without it, equal.
        novel: Share of texts of an unknown kind.
    """
    generator = np.random.default_rng(seed)
    codes = generator.choice(CODES, count, p=mix)
    unknown = generator.random(count) < novel
    novelty = 0.1 + 0.02 * codes + generator.normal(0, 0.05, count) + 0.3 * unknown
    confidence = np.clip(0.9 - 0.02 * codes + generator.normal(0, 0.05, count) - 0.5 * unknown, 0, 1)
    said = tuple(
        "quantum flux news" if new else f"topic number {code}" for code, new in zip(codes, unknown, strict=True)
    )
    return Rows(codes.astype(np.uint16), novelty.astype(np.float32), confidence.astype(np.float32), said)


def feed(monitor, rows, *, errors=NO_ERRORS, size=64):
    """Tell a monitor in batches; returns the reports."""
    reports = []
    for at in range(0, max(len(rows), 1), size):
        reports += monitor.update(Notes(rows[at : at + size], errors if at == 0 else NO_ERRORS), now=at)
    return reports


def trained(seed=0):
    """A monitor with its reference."""
    monitor = DriftMonitor("encoder-v1", CODES, OPTIONS)
    assert feed(monitor, texts(OPTIONS.reference, seed)) == []
    assert monitor.reference is not None
    return monitor
