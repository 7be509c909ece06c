"""Figures from accuracy matrices."""

import pytest

from profilestream.continual.bench.metrics import Figure, final_accuracy, forgetting, learning_accuracy

MATRIX = [[0.9], [0.7, 0.8], [0.6, 0.85, 1.0]]


def test_the_figures_by_hand() -> None:
    """As they are defined in the papers, on a matrix of three tasks."""
    assert final_accuracy(MATRIX) == pytest.approx((0.6 + 0.85 + 1.0) / 3)
    assert forgetting(MATRIX) == pytest.approx(((0.9 - 0.6) + (0.8 - 0.85)) / 2)
    assert learning_accuracy(MATRIX) == pytest.approx((0.9 + 0.8 + 1.0) / 3)


def test_joint_training_has_only_a_last_row() -> None:
    """It forgets nothing, and learns everything at once."""
    assert forgetting([[0.9, 0.7]]) == 0.0
    assert learning_accuracy([[0.9, 0.7]]) == final_accuracy([[0.9, 0.7]]) == pytest.approx(0.8)


def test_spread_is_between_seeds() -> None:
    """The sample's standard deviation; one seed has none."""
    figure = Figure.of([0.8, 0.9, 1.0])
    assert (figure.mean, figure.spread) == (pytest.approx(0.9), pytest.approx(0.1))
    assert Figure.of([0.8]).spread == 0.0
