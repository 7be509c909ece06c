"""From logits to odds against "none of them", by texts that the map had not seen."""

from dataclasses import dataclass

import numpy as np

from .sums import Array, Ids

_ENOUGH = 50  # held-out texts; with fewer, what a method is calibrated to by default is kept
_STEPS = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """How much has to speak for a label before it is told.

    Attributes:
        background: How many texts in the stream are about no label, for each that is about one; the labelled texts, by
            which heads are calibrated, nearly all are about one. On CLINC150 at ten texts an intent, 3 finds 90 % of
            what is out of scope and gives up 14 % of the rest, 10 finds 98 and gives up 30.
        rejected: Share of rightly judged held-out texts that are given up at least, to tell what is about no label.
    """

    background: float = 3.0
    rejected: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Calibrated logits are `scale * logits - threshold`, those of "none of them" 0."""

    scale: float
    threshold: float


def calibrate(logits: Array, ids: Ids, caution: Caution) -> Calibration | None:
    """Fit to held-out texts.

    The scale makes the labels' probabilities as likely as can be (temperature scaling: Guo et al., ICML 2017). The
    threshold is where a text's best label is right with the odds that `caution` asks for (Platt, 1999), or where so
    many of the right ones would be given up.

    Args:
        logits: Shape (n, k).
        ids: True labels, shape (n,).
        caution: How much has to speak for a label.

    Returns:
        None where there are too few texts.
    """
    if len(ids) < _ENOUGH or logits.shape[1] < 2:
        return None
    spread = float(logits.std()) or 1.0
    scales = np.logspace(-1.5, 2.5, _STEPS) / spread
    scale = float(max(scales, key=lambda scale: _likelihood(scale * logits, ids)))
    evidence = _log_sum(scale * logits)
    right = logits.argmax(axis=1) == ids
    wanted = _where_odds_are(caution.background, evidence, right)
    floor = float(np.quantile(evidence[right], caution.rejected)) if right.any() else float(evidence.max())
    return Calibration(scale=scale, threshold=max(wanted, floor))


def _log_sum(logits: Array) -> Array:
    highest = logits.max(axis=1)
    return np.asarray(highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1)))


def _likelihood(logits: Array, ids: Ids) -> float:
    return float((logits[np.arange(len(ids)), ids] - _log_sum(logits)).mean())


def _where_odds_are(odds: float, evidence: Array, right: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float:
    """At what evidence a text is right with these odds, by logistic regression with Platt's targets."""
    lowest, highest = float(evidence.min()), float(evidence.max())
    targets = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))
    centre, spread = float(evidence.mean()), float(evidence.std()) or 1.0
    x = np.stack([np.ones(len(evidence)), (evidence - centre) / spread], axis=1)
    beta = np.zeros(2)
    for _ in range(20):  # Newton: a convex problem of two unknowns
        told = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        curvature = (x * (told * (1 - told))[:, None]).T @ x + 1e-3 * np.eye(2)
        beta += np.linalg.solve(curvature, x.T @ (targets - told) - 1e-3 * beta)
    if beta[1] <= 0:  # evidence says nothing, e.g. because all are right
        return lowest if beta[0] >= np.log(odds) else highest
    return float(np.clip(centre + spread * (np.log(odds) - beta[0]) / beta[1], lowest, highest))
