"""Accuracy on what was known before, and on what is new."""

import numpy as np

from .bootstrap import sureness
from .evidence import Evidence
from .limits import Limits
from .report import Finding

OLD, NEW = "old labels", "new labels"


def check_old(evidence: Evidence, limits: Limits) -> Finding:
    """Refuse a candidate that has surely lost more than the margin on labels that were known before."""
    gains = evidence.gains[~evidence.new[evidence.labels]]
    if not len(gains):
        return Finding(check=OLD, passed=True, reason="no held-out text of an old label")
    loss, worse = -float(gains.mean()), sureness(-gains, limits.margin)
    passed = worse < limits.sure
    reason = f"{_points(-loss)} on {len(gains)} texts" + (
        "" if passed else f": what it knew is forgotten (worse by more than {limits.margin:.0%}: {worse:.0%} sure)"
    )
    return Finding(
        check=OLD, passed=passed, reason=reason, figures={"gain": -loss, "worse": worse, "texts": len(gains)}
    )


def check_new(evidence: Evidence, limits: Limits) -> Finding:  # noqa: ARG001
    """Refuse a candidate that is worse at the new labels than the champion's encoder with heads that learned them."""
    gains = evidence.gains[evidence.new[evidence.labels]]
    if not len(gains):
        return Finding(check=NEW, passed=True, reason="no new label since the last update")
    gain = float(np.mean(gains))
    passed = gain >= 0
    reason = f"{_points(gain)} on {len(gains)} texts" + ("" if passed else ": not better at what it was trained for")
    return Finding(check=NEW, passed=passed, reason=reason, figures={"gain": gain, "texts": len(gains)})


def _points(gain: float) -> str:
    return f"{100 * gain:+.1f} points of accuracy"
