"""Ridge regression with its penalty chosen by generalised cross-validation (Golub, Heath & Wahba, 1979)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..schemas.errors import ConfigurationError

_PENALTIES = np.logspace(-2, 3, 26)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ridge:
    """A fitted regression: `embeddings @ weights + bias`.

    Attributes:
        weights: Shape (d,), float64.
        bias: The target at an embedding of zero.
        penalty: That was chosen.
    """

    weights: NDArray[np.float64]
    bias: float
    penalty: float


def fit_ridge(inputs: NDArray[np.floating], targets: NDArray[np.floating]) -> Ridge:
    """Fit to n targets; the intercept is not penalised.

    Args:
        inputs: Shape (n, d).
        targets: Shape (n,).

    Raises:
        ConfigurationError: There are fewer than two rows.
    """
    if len(inputs) < 2:
        raise ConfigurationError(f"a ridge regression needs at least two rows, found {len(inputs)}")
    mean, offset = inputs.mean(axis=0, dtype=np.float64), float(targets.mean(dtype=np.float64))
    left, singular, right = np.linalg.svd(inputs - mean, full_matrices=False)
    centred = np.asarray(targets - offset, dtype=np.float64)
    along = left.T @ centred
    errors = [_gcv(penalty, singular, along, centred) for penalty in _PENALTIES]
    penalty = float(_PENALTIES[int(np.argmin(errors))])
    weights = right.T @ (singular / (singular**2 + penalty) * along)
    return Ridge(weights=weights, bias=offset - float(mean @ weights), penalty=penalty)


def _gcv(
    penalty: float, singular: NDArray[np.float64], along: NDArray[np.float64], centred: NDArray[np.float64]
) -> float:
    """Mean squared error, raised for the degrees of freedom that were spent."""
    shrinkage = singular**2 / (singular**2 + penalty)
    n = len(centred)
    # |y - U s U'y|^2 without another product of size n: the part outside U's span, and what shrinkage left inside it.
    residual = float(centred @ centred - along @ along + ((1 - shrinkage) * along) @ ((1 - shrinkage) * along))
    spent = (float(shrinkage.sum()) + 1) / n
    return residual / n / max(1 - spent, 1e-12) ** 2
