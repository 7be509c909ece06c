"""A new encoder is worth its cost: it beats the frozen one with closed-form heads."""

from .bootstrap import sureness
from .evidence import Evidence
from .limits import Limits
from .report import Finding

CHECK = "worth it"


def check_worth(evidence: Evidence, limits: Limits) -> Finding:
    """Refuse a candidate that neither is surely more accurate nor makes profiles find clearly more."""
    gains = evidence.gains
    better = sureness(gains, 0.0)
    found = float(evidence.candidate.retrieval.mean() / max(evidence.champion.retrieval.mean(), 1e-9))
    passed = better >= limits.worth_sure or found >= limits.worth_retrieval
    figures = {
        "candidate": evidence.accuracy(evidence.candidate),
        "champion": evidence.accuracy(evidence.champion),
        "better": better,
        "retrieval_ratio": found,
    }
    reason = (
        f"accuracy {figures['candidate']:.1%} beside {figures['champion']:.1%} of the frozen encoder "
        f"({better:.0%} sure), retrieval {found:.2f} times"
    )
    return Finding(check=CHECK, passed=passed, reason=reason if passed else f"{reason}: not worth it", figures=figures)
