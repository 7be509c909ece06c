"""The paired bootstrap, against the normal approximation."""

import numpy as np

from profilestream.continual.gate.bootstrap import bootstrap_means, sureness


def test_means_spread_as_they_should() -> None:
    """Around the sample's mean, with its standard error; the same seed gives the same means."""
    drawn = np.random.default_rng(0).normal(0.3, 1.0, 400)
    means = bootstrap_means(drawn)
    assert abs(means.mean() - drawn.mean()) < 0.01
    assert abs(means.std() - drawn.std() / 20) < 0.005
    assert np.array_equal(means, bootstrap_means(drawn))


def test_sureness_goes_from_none_to_all() -> None:
    """A clear difference is sure, none is a coin toss, nothing at all says nothing."""
    differences = np.array([1.0, -1.0] * 200)
    assert 0.4 < sureness(differences, 0.0) < 0.6
    assert sureness(differences + 0.5, 0.1) == 1.0
    assert sureness(differences - 0.5, 0.1) == 0.0
    assert sureness(np.zeros(0), 0.0) == 0.0
