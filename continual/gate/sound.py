"""Embeddings are what all else takes them for: finite, of unit length, as many numbers as before, not all alike."""

import numpy as np

from .evidence import Evidence
from .limits import Limits
from .report import Finding

CHECK = "embeddings"
_ALIKE = 0.99  # a mean cosine between texts above this: the encoder has collapsed


def check_sound(evidence: Evidence, limits: Limits) -> Finding:  # noqa: ARG001  every check is called alike
    """Refuse NaN and infinity, another number of dimensions, other lengths than 1, and one embedding for all texts."""
    rows = np.asarray(evidence.candidate.embeddings, dtype=np.float64)
    width, expected = rows.shape[1], evidence.champion.embeddings.shape[1]
    broken = int((~np.isfinite(rows)).any(axis=1).sum())
    if broken:
        reason = f"{broken} of {len(rows)} embeddings have numbers that are not finite"
        return Finding(check=CHECK, passed=False, reason=reason, figures={"broken": broken})
    if width != expected:
        reason = f"embeddings have {width} dimensions, the champion's {expected}: stored profiles could not move"
        return Finding(check=CHECK, passed=False, reason=reason, figures={"dimensions": width})
    off = float(np.abs(np.linalg.norm(rows, axis=1) - 1.0).max())
    alike = float(np.linalg.norm(rows.mean(axis=0)) ** 2)
    figures = {"dimensions": width, "length_off_by": off, "mean_cosine": alike}
    if off > 1e-2:
        return Finding(
            check=CHECK, passed=False, reason=f"embeddings are not of unit length (by {off:.2g})", figures=figures
        )
    if alike > _ALIKE:
        reason = f"all texts have nearly the same embedding (mean cosine {alike:.3f})"
        return Finding(check=CHECK, passed=False, reason=reason, figures=figures)
    return Finding(check=CHECK, passed=True, reason=f"finite, {width} dimensions, unit length", figures=figures)
