"""The map between two encoders' spaces, against what is known of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from profilestream.continual.migration.fit import Coded, choose_anchors, fit_map, ridge_to_identity
from profilestream.continual.migration.recovery import mean_cosine
from profilestream.inference.spaces import way_of
from profilestream.schemas.errors import ArtefactError

SIZE = 12


def anchors(rng: np.random.Generator, count: int = 400) -> np.ndarray:
    """Unit vectors around a few topics, as embeddings are."""
    rows = rng.normal(size=(8, SIZE))[rng.integers(0, 8, count)] + 0.7 * rng.normal(size=(count, SIZE))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def drifted(rows: np.ndarray, rng: np.random.Generator, noise: float = 0.05) -> np.ndarray:
    """The same texts after a fine-tune: contracted along some directions, and a little noise."""
    way = np.eye(SIZE) - 0.5 * np.outer(*[np.linalg.qr(rng.normal(size=(SIZE, 1)))[0][:, 0]] * 2)
    return rows @ way + noise * rng.normal(size=rows.shape) / np.sqrt(SIZE)


@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_the_solution_is_the_minimum(seed: int, penalty: float) -> None:
    """No small step away from it makes the penalised error smaller."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 4))
    best = ridge_to_identity(x, y, penalty)
    pull = penalty * np.trace(x.T @ x) / 4

    def error(way: np.ndarray) -> float:
        return float(((x @ way - y) ** 2).sum() + pull * ((way - np.eye(4)) ** 2).sum())

    for _ in range(5):
        assert error(best) <= error(best + 1e-3 * rng.normal(size=(4, 4)))


def test_few_anchors_leave_the_space_nearly_as_it_is() -> None:
    """Drawn towards the identity: with a huge penalty nothing moves, with none it is least squares."""
    rng = np.random.default_rng(0)
    x = anchors(rng)
    y = drifted(x, rng, noise=0.0)
    assert_allclose(ridge_to_identity(x, y, 1e9), np.eye(SIZE), atol=1e-6)
    assert_allclose(x @ ridge_to_identity(x, y, 1e-12), y, atol=1e-6)


def test_a_map_gives_back_what_drifted() -> None:
    """On anchors that it was not fitted on; the figures say how much, and how bad it was without."""
    rng = np.random.default_rng(1)
    x = anchors(rng)
    found = fit_map(x, drifted(x, rng), source="v1", target="v2")
    assert found.figures["cosine"] > found.figures["cosine_unmapped"]
    assert found.figures["cosine"] > 0.99
    assert found.figures["kept"] > found.figures["kept_unmapped"]
    assert (found.source, found.target, found.anchors) == ("v1", "v2", 400)


def test_what_a_topic_alone_does_is_carried_too() -> None:
    """A fine-tune that moves each topic its own way: with the anchors' codes the map follows, for further texts."""
    rng = np.random.default_rng(4)
    topics, of = rng.normal(size=(40, SIZE)), rng.integers(0, 40, 1200)
    x = topics[of] + 0.5 * rng.normal(size=(1200, SIZE))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = x + 0.3 * rng.normal(size=(40, SIZE))[of] / np.sqrt(SIZE)
    plain = fit_map(x[:800], y[:800], source="v1", target="v2")
    coded = fit_map(x[:800], y[:800], source="v1", target="v2", coded=Coded(of[:800], 50))
    assert coded.figures["cosine"] > plain.figures["cosine"]
    assert coded.steps.shape == (50, SIZE)
    assert not coded.steps[40:].any()
    carried = way_of(coded).carry_codes(x[800:], np.ones(400), of[800:])
    assert mean_cosine(carried, y[800:]) > mean_cosine(way_of(plain).carry(x[800:]), y[800:]) + 0.005


def test_codes_that_say_nothing_leave_no_steps() -> None:
    """Drawn towards zero where topics moved alike: noise is not learned by heart."""
    rng = np.random.default_rng(5)
    x = anchors(rng)
    found = fit_map(x, drifted(x, rng), source="v1", target="v2", coded=Coded(rng.integers(0, 200, 400), 200))
    assert np.abs(found.steps).max() < 0.01


def test_there_and_back_gives_back_the_vectors() -> None:
    """Rollback: a map fitted the other way undoes the first, where nothing was lost."""
    rng = np.random.default_rng(2)
    x = anchors(rng)
    y = drifted(x, rng, noise=0.01)
    there, back = fit_map(x, y, source="a", target="b"), fit_map(y, x, source="b", target="a")
    again = x @ there.matrix @ back.matrix
    cosines = (again * x).sum(axis=1) / np.linalg.norm(again, axis=1)
    assert cosines.min() > 0.99


@pytest.mark.parametrize("wrong", ["few", "shape", "nan"])
def test_what_no_map_can_be_fitted_to_is_refused(wrong: str) -> None:
    """Too few anchors, another number of dimensions, an encoder that gives NaN: each is said."""
    x = anchors(np.random.default_rng(3))
    y = x.copy()
    if wrong == "few":
        x, y = x[:5], y[:5]
    elif wrong == "shape":
        y = y[:, :-1]
    else:
        y[3, 2] = np.nan
    with pytest.raises(ArtefactError, match={"few": "at least 20", "shape": "columns", "nan": "finite"}[wrong]):
        fit_map(x, y, source="a", target="b")


def test_anchors_are_distinct_and_always_the_same() -> None:
    """Repetitions and blanks teach nothing; the same texts give the same anchors after a crash."""
    texts = [f"text {number % 50}" for number in range(200)] + [" ", ""]
    chosen = choose_anchors(texts, 30)
    assert len(chosen) == len(set(chosen)) == 30
    assert chosen == choose_anchors(texts, 30)
    assert len(choose_anchors(texts, 1000)) == 50
