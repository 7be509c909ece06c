"""How much of re-embedding is given back, in figures that can be checked by hand."""

import numpy as np

from profilestream.continual.migration.recovery import mean_cosine, neighbours_kept, unit

ROWS = np.random.default_rng(0).normal(size=(60, 5))


def test_nothing_changed_is_all_kept() -> None:
    """Also where only the lengths differ."""
    assert mean_cosine(3 * ROWS, ROWS) > 1 - 1e-12
    assert neighbours_kept(3 * ROWS, ROWS) == 1.0
    assert not unit(np.zeros((1, 5))).any()


def test_strangers_keep_next_to_nothing() -> None:
    """Vectors that have nothing to do with one another: a cosine near 0, neighbours by chance (10 of 59)."""
    other = np.random.default_rng(1).normal(size=(60, 5))
    assert abs(mean_cosine(other, ROWS)) < 0.2
    assert neighbours_kept(other, ROWS) < 0.35
