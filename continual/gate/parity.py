"""The exported model says what torch says."""

import numpy as np

from ..migration.recovery import unit
from .evidence import Evidence
from .limits import Limits
from .report import Finding

CHECK = "parity"


def check_parity(evidence: Evidence, limits: Limits) -> Finding:
    """Refuse an export whose embedding of any held-out text is too far from torch's."""
    cosines = (unit(evidence.reference) * unit(evidence.exported)).sum(axis=1)
    lowest = float(np.min(cosines, initial=1.0))
    passed = lowest >= limits.cosine
    reason = f"lowest cosine to torch {lowest:.4f}" + ("" if passed else f", below {limits.cosine}")
    return Finding(check=CHECK, passed=passed, reason=reason, figures={"lowest": lowest, "mean": float(cosines.mean())})
