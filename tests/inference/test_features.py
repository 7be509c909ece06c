"""Random features: the same everywhere, from a seed."""

import hashlib

import numpy as np
import pytest

from profilestream.inference.features import RandomFeatures, on_grid, signs
from profilestream.inference.heads import NONE_OF_THEM, Head
from profilestream.schemas.errors import ArtefactError

FEATURES = RandomFeatures(seed=7, count=64, dimensions=16)


def unit(seed: int, count: int) -> np.ndarray:
    """Random unit vectors."""
    rows = np.random.default_rng(seed).normal(size=(count, 16))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_directions_never_change() -> None:
    """Heads that were published refer to them by seed only: other directions would make nonsense of their weights."""
    directions = signs(0, 4096, 384)
    assert hashlib.sha256(np.packbits(directions > 0).tobytes()).hexdigest() == (
        "22687ef02d402d310957e7ad2fea924866a2bdb754d466e6629f4242ca680c8a"
    )


def test_features_do_not_depend_on_the_batch() -> None:
    """A text has the same features, to the last bit, alone and among others, in whatever order they are computed."""
    rows = unit(1, 50)
    together = FEATURES(rows)
    np.testing.assert_array_equal(together, np.concatenate([FEATURES(row[None]) for row in rows]))
    np.testing.assert_array_equal(together[::-1], FEATURES(np.asfortranarray(rows[::-1])))


def test_features_are_the_embedding_and_its_positive_projections() -> None:
    """What the formula says, against plain float64."""
    rows = unit(2, 20)
    exact = on_grid(rows).astype(np.float64)
    expected = np.concatenate([exact, np.maximum(exact @ signs(7, 64, 16), 0)], axis=1)
    np.testing.assert_array_equal(FEATURES(rows), expected)
    np.testing.assert_allclose(exact, rows, atol=2.0**-14)


def head(features: RandomFeatures | None, width: int) -> Head:
    """With random weights."""
    weights = np.random.default_rng(3).normal(size=(3, width)).astype(np.float32)
    return Head(
        task="interest",
        version=1,
        encoder="e",
        labels=("a", "b", "c"),
        weights=weights,
        bias=np.full(3, -4, np.float32),
        features=features,
    )


def test_a_head_on_features_survives_the_way_to_a_worker() -> None:
    """Only the seed travels, and scores are the same."""
    there = head(FEATURES, FEATURES.width)
    here = Head.from_bytes(there.to_bytes())
    assert here.features == FEATURES
    np.testing.assert_array_equal(here.scores(unit(4, 10)), there.scores(unit(4, 10)))


def test_a_head_whose_features_do_not_fit_is_refused() -> None:
    """Weights for other features than those named would only be noticed by bad predictions."""
    with pytest.raises(ArtefactError, match="weights"):
        Head.from_bytes(head(FEATURES, FEATURES.width - 1).to_bytes())
    huge = RandomFeatures(seed=0, count=2**20, dimensions=384)
    with pytest.raises(ArtefactError, match="more than a worker should hold"):
        Head.from_bytes(head(huge, 5).to_bytes())


def test_a_text_about_nothing_known_is_told_as_such() -> None:
    """Where "none of them" is likelier than all labels together, no label is predicted."""
    plain = head(None, 16)
    rows = unit(5, 200)
    told, likely = plain.predict(rows), plain.scores(rows).sum(axis=1)
    assert (told == NONE_OF_THEM).tolist() == (likely < 0.5).tolist()
    assert 0 < (told == NONE_OF_THEM).sum() < 200
    known = told != NONE_OF_THEM
    np.testing.assert_array_equal(told[known], plain.scores(rows)[known].argmax(axis=1))


def test_a_head_without_labels_predicts_none_of_them() -> None:
    """Before the first feedback there is nothing to tell."""
    empty = Head(
        task="t", version=1, encoder="e", labels=(), weights=np.zeros((0, 16), np.float32), bias=np.zeros(0, np.float32)
    )
    assert empty.predict(unit(6, 2)).tolist() == [NONE_OF_THEM, NONE_OF_THEM]
