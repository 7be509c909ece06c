"""Confidence means what it says: the expected calibration error (Guo, Pleiss, Sun & Weinberger, ICML 2017)."""

import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence, Floats
from .limits import Limits
from .report import Finding

CHECK = "calibration"
_BINS = 15


def expected_calibration_error(probabilities: Floats, labels: NDArray[np.integer]) -> float:
    """Mean distance of confidence and accuracy over equal-width bins, weighted by their texts.

    Args:
        probabilities: Shape (n, labels).
        labels: The right ones, shape (n,).
    """
    confidence = np.asarray(probabilities, dtype=np.float64).max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = np.abs(np.bincount(bins, confidence, _BINS) - np.bincount(bins, right, _BINS))
    return float(gaps.sum() / max(len(labels), 1))


def check_calibration(evidence: Evidence, limits: Limits) -> Finding:
    """Refuse a candidate whose confidence is much further from the truth than the champion's."""
    ours, theirs = (
        expected_calibration_error(side.probabilities, evidence.labels)
        for side in (evidence.candidate, evidence.champion)
    )
    passed = ours <= theirs + limits.calibration
    reason = f"confidence is off by {ours:.3f}, the champion's by {theirs:.3f}"
    return Finding(check=CHECK, passed=passed, reason=reason, figures={"candidate": ours, "champion": theirs})
