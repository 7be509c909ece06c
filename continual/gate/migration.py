"""Stored profiles survive the change."""

from .evidence import Evidence
from .limits import Limits
from .report import Finding

CHECK = "migration"


def check_migration(evidence: Evidence, limits: Limits) -> Finding:
    """Refuse a candidate into whose space stored profiles cannot be carried without losing what they find."""
    several, one = evidence.kept["several"], evidence.kept["one"]
    passed = several >= limits.kept_several and one >= limits.kept_one
    reason = f"migrated profiles keep {several:.1%} (several interests) and {one:.1%} (one vector) of re-embedding"
    if not passed:
        reason += f"; {limits.kept_several:.0%} and {limits.kept_one:.0%} are needed"
    return Finding(check=CHECK, passed=passed, reason=reason, figures={"several": several, "one": one})
