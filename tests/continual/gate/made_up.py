"""Made-up evidence: models that are good or bad in one respect, without a model."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from profilestream.continual.gate.evidence import Evidence, Side
from tests.stream.profile.made_up import unit_rows

LABELS, NEW, PER_LABEL, USERS = 20, 5, 60, 200


def answers(labels: np.ndarray, right: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Probabilities that are calibrated at about 0.92: the highest one on the right label, or on another."""
    said = np.where(right, labels, (labels + rng.integers(1, LABELS, len(labels))) % LABELS)
    probabilities = np.full((len(labels), LABELS), 0.08 / (LABELS - 1))
    probabilities[np.arange(len(labels)), said] = 0.92
    return probabilities


def evidence(
    seed: int = 0, *, old: float = 0.015, new: float = 0.06, retrieval: float = 0.01, noise: float = 0.06
) -> Evidence:
    """A candidate with these true gains; by default a good one.

    Args:
        seed: Another one draws other texts and users.
        old: True gain in accuracy on old labels.
        new: The same on new ones.
        retrieval: True gain in profile retrieval.
        noise: Share of the texts on which the two differ by chance, half of them each way.
    """
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(LABELS), PER_LABEL)
    is_new = np.arange(LABELS) >= LABELS - NEW
    theirs = rng.random(len(labels)) < np.where(is_new[labels], 0.88, 0.92)
    gain = np.where(is_new[labels], new, old)
    ours, drawn = theirs.copy(), rng.random(len(labels))
    ours[theirs & (drawn < noise / 2 + np.maximum(-gain, 0))] = False
    lost = (noise / 2) * theirs.mean()
    wrong = np.maximum((~theirs).mean(), 1e-9)
    ours[~theirs & (drawn < (lost + np.maximum(gain, 0)) / wrong)] = True
    rows = unit_rows(rng, len(labels), 32)
    found = np.clip(rng.normal(0.6, 0.1, USERS), 0, 1)
    exported = rows[:50] + 0.002 * rng.normal(size=(50, 32))
    side = Side(
        name="encoder-v1",
        embeddings=rows,
        probabilities=answers(labels, theirs, rng),
        retrieval=found,
        seconds=(0.11, 0.1, 0.14),
    )
    candidate = replace(
        side,
        name="encoder-v2",
        probabilities=answers(labels, ours, rng),
        retrieval=found + rng.normal(retrieval, 0.05, USERS),
        seconds=(0.12, 0.105, 0.19),
    )
    return Evidence(
        champion=side,
        candidate=candidate,
        folder=Path("encoder-v2"),
        labels=labels,
        names=[f"label{number}" for number in range(LABELS)],
        new=is_new,
        reference=rows[:50],
        exported=exported,
        kept={"several": 0.995, "one": 0.98},
    )


def with_candidate(base: Evidence, **changes: object) -> Evidence:
    """The same, with another candidate."""
    return replace(base, candidate=replace(base.candidate, **changes))
