"""Ridge regression."""

import numpy as np
import pytest

from profilestream.continual.ridge import fit_ridge
from profilestream.schemas.errors import ConfigurationError


def test_it_finds_a_line_behind_noise() -> None:
    """With plenty of data the weights and the intercept are those that made it."""
    rng = np.random.default_rng(0)
    inputs, truth = rng.normal(size=(2000, 10)), np.arange(10) / 10
    fit = fit_ridge(inputs, inputs @ truth + 3 + 0.1 * rng.normal(size=2000))
    np.testing.assert_allclose(fit.weights, truth, atol=0.02)
    assert fit.bias == pytest.approx(3, abs=0.02)


def test_the_penalty_is_near_the_best_on_fresh_data() -> None:
    """Cross-validation chooses well where there are hardly more texts than dimensions."""
    rng = np.random.default_rng(1)
    truth = 0.1 * rng.normal(size=60)
    inputs, fresh = rng.normal(size=(80, 60)), rng.normal(size=(5000, 60))
    targets = inputs @ truth + rng.normal(size=80)

    def error(weights: np.ndarray) -> float:
        return float(((fresh @ (weights - truth)) ** 2).mean())

    best = min(
        error(np.linalg.solve(inputs.T @ inputs + penalty * np.eye(60), inputs.T @ targets))
        for penalty in np.logspace(-2, 3, 30)
    )
    unpenalised = error(np.linalg.lstsq(inputs, targets, rcond=None)[0])
    chosen = error(fit_ridge(inputs, targets).weights)
    assert chosen < 2 * best
    assert chosen < unpenalised / 2


def test_one_row_is_not_enough() -> None:
    """The error says what is needed."""
    with pytest.raises(ConfigurationError, match="at least two rows"):
        fit_ridge(np.ones((1, 3)), np.ones(1))
