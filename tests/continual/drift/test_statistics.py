"""What every statistic must do, whatever it measures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from profilestream.continual.drift.statistics import STATISTICS
from profilestream.continual.drift.sums import Sums
from tests.continual.drift.made_up import CODES, texts, trained

MOVES = {
    "novelty": {"novel": 0.3},
    "novelty_tail": {"novel": 0.3},
    "confidence_tail": {"novel": 0.3},
    "mix": {"mix": np.array([0.5] + [0.5 / (CODES - 1)] * (CODES - 1))},
}
every = pytest.mark.parametrize("statistic", STATISTICS, ids=lambda statistic: statistic.name)
sums = arrays(np.float64, (4 + CODES,), elements=st.integers(0, 50).map(float)).map(Sums.of_matrix)


@pytest.fixture(scope="module")
def reference():
    """Fitted on unchanged texts."""
    return trained().reference


@every
def test_it_has_a_name_and_a_title(statistic):
    """Programs and people both have to call it something, and no two the same."""
    assert statistic.title
    assert [other.name for other in STATISTICS].count(statistic.name) == 1


@every
def test_it_grows_with_the_change(statistic, reference):
    """The more there is of what it looks for, the larger it is."""
    same = statistic.get(reference.summarise(texts(2000, 7)), reference.sums)
    changed = statistic.get(reference.summarise(texts(2000, 7, **MOVES[statistic.name])), reference.sums)
    assert changed > same


@every
@given(window=sums, usual=sums)
def test_it_is_finite(statistic, window, usual):
    """Also of no texts at all, and of counts that nobody expected."""
    assert np.isfinite(statistic.get(window, usual))
    assert np.isfinite(statistic.describe(window))


@every
def test_many_windows_at_once_are_the_same(statistic, reference):
    """Calibration evaluates thousands of windows in one call: each as if it were alone."""
    windows = [reference.summarise(texts(200, seed)) for seed in range(5)]
    together = Sums.of_matrix(np.stack([window.matrix() for window in windows]))
    alone = [statistic.get(window, reference.sums) for window in windows]
    np.testing.assert_allclose(statistic.get(together, reference.sums), alone)


@every
def test_the_order_of_texts_does_not_matter(statistic, reference):
    """Workers' notes arrive in any order."""
    rows = texts(300, 3, novel=0.1)
    parts = reference.summarise(rows[200:]) + reference.summarise(rows[:200])
    whole = reference.summarise(rows)
    np.testing.assert_allclose(
        statistic.get(parts, reference.sums), statistic.get(whole, reference.sums), rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose((parts - whole).matrix(), 0, atol=1e-9)


def test_a_change_of_the_mix_is_no_novelty(reference):
    """Topics that always look new may become popular: that is another mix, not new content."""
    mix = np.array([0.0] * 8 + [0.25] * 4)
    rows = texts(4000, 5, mix=mix)
    assert rows.novelty.mean() > texts(4000, 5).novelty.mean() + 0.05
    moved = {s.name: float(s.get(reference.summarise(rows), reference.sums)) for s in STATISTICS}
    assert abs(moved["novelty"]) < 0.01
    assert moved["mix"] > 0
