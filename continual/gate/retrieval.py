"""Profiles find what users like."""

from .bootstrap import sureness
from .evidence import Evidence
from .limits import Limits
from .report import Finding

CHECK = "profile retrieval"


def check_retrieval(evidence: Evidence, limits: Limits) -> Finding:
    """Refuse a candidate whose profiles surely find less than the champion's, of the same simulated users."""
    gains = evidence.candidate.retrieval - evidence.champion.retrieval
    ours, theirs = float(evidence.candidate.retrieval.mean()), float(evidence.champion.retrieval.mean())
    worse = sureness(-gains, limits.margin)
    passed = worse < limits.sure
    reason = f"R-precision {ours:.3f}, the champion's {theirs:.3f}" + ("" if passed else ": profiles find less")
    figures = {"candidate": ours, "champion": theirs, "worse": worse, "users": len(gains)}
    return Finding(check=CHECK, passed=passed, reason=reason, figures=figures)
