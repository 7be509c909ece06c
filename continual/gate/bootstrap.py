"""How sure a mean difference is: the paired bootstrap (Efron & Tibshirani, 1993; Koehn, EMNLP 2004)."""

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
_FEW = 8


def bootstrap_means(differences: NDArray[np.floating], draws: int = DRAWS, seed: int = 0) -> NDArray[np.float64]:
    """Means of as many samples with replacement.

    Args:
        differences: One for each text or user, shape (n,): pairs stay together.
        draws: How many samples.
        seed: The same seed gives the same means.

    Returns:
        Shape (draws,); zeros where there is nothing to draw from.
    """
    size, rng = len(differences), np.random.default_rng(seed)
    if not size:
        return np.zeros(draws)
    values, counts = np.unique(differences, return_counts=True)
    if len(values) <= _FEW:  # right or wrong: all that matters is how often each value is drawn
        means: NDArray[np.float64] = rng.multinomial(size, counts / size, draws) @ values / size
        return means
    return np.array([differences[rng.integers(0, size, size)].mean() for _ in range(draws)])


def sureness(differences: NDArray[np.floating], above: float, draws: int = DRAWS) -> float:
    """How sure it is that the mean is above a value, 0 to 1: the share of samples where it is."""
    return float((bootstrap_means(differences, draws) > above).mean())
