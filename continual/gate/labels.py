"""No single label is given up for the good of the others."""

import numpy as np

from .bootstrap import sureness
from .evidence import Evidence
from .limits import Limits
from .report import Finding

CHECK = "single labels"
_NAMED = 3


def check_labels(evidence: Evidence, limits: Limits) -> Finding:
    """Refuse a candidate that has surely lost more than the margin on some label with enough held-out texts.

    Of many labels one looks bad by chance, so the wanted sureness grows with their number (Bonferroni).
    """
    gains, counts = evidence.gains, np.bincount(evidence.labels, minlength=len(evidence.names))
    judged = np.flatnonzero(counts >= limits.label_texts).tolist()
    sure = 1.0 - (1.0 - limits.sure) / max(len(judged), 1)
    losses = {label: -gains[evidence.labels == label] for label in judged}
    lost = [
        label
        for label, loss in losses.items()
        if loss.mean() > limits.label_margin and sureness(loss, limits.label_margin) >= sure
    ]
    worst = max((float(loss.mean()) for loss in losses.values()), default=0.0)
    figures = {"judged": len(judged), "lost": len(lost), "worst_loss": worst}
    if not lost:
        return Finding(check=CHECK, passed=True, reason=f"none of {len(judged)} labels is lost", figures=figures)
    named = ", ".join(f"{evidence.names[label]} ({-100 * losses[label].mean():+.0f} points)" for label in lost[:_NAMED])
    more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    return Finding(check=CHECK, passed=False, reason=f"much worse at {named}{more}", figures=figures)
