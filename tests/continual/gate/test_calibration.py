"""The expected calibration error, on cases whose answer is known."""

import numpy as np

from profilestream.continual.gate.calibration import expected_calibration_error


def test_confidence_that_means_what_it_says_has_no_error() -> None:
    """Eight of ten right at a confidence of 0.8."""
    probabilities = np.tile([0.8, 0.2], (10, 1))
    labels = np.array([0] * 8 + [1] * 2)
    assert expected_calibration_error(probabilities, labels) < 1e-12


def test_the_error_is_the_gap() -> None:
    """Always sure and right half of the time: off by a half; bins are weighted by their texts."""
    sure = np.tile([1.0, 0.0], (10, 1))
    assert expected_calibration_error(sure, np.array([0, 1] * 5)) == 0.5
    mixed = np.concatenate([sure, np.tile([0.5, 0.5], (30, 1))])
    assert abs(expected_calibration_error(mixed, np.array([0, 1] * 20)) - 0.125) < 1e-12
