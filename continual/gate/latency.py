"""The candidate is about as fast as the champion."""

from .evidence import Evidence
from .limits import Limits
from .report import Finding

CHECK = "latency"


def check_latency(evidence: Evidence, limits: Limits) -> Finding:
    """Compare the shortest of several times, measured in turns: noise of the machine only ever adds."""
    ours, theirs = min(evidence.candidate.seconds), min(evidence.champion.seconds)
    ratio = ours / max(theirs, 1e-9)
    passed = ratio <= limits.latency
    reason = f"{ratio:.2f} times the champion's time" + ("" if passed else f", more than {limits.latency}")
    return Finding(check=CHECK, passed=passed, reason=reason, figures={"ratio": ratio, "seconds": ours})
