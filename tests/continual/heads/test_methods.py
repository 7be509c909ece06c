"""The closed forms: what they say of texts that they had not seen, and which one is chosen."""

import numpy as np
import pytest

from profilestream.continual.heads.automatic import Automatic
from profilestream.continual.heads.calibration import Caution, calibrate
from profilestream.continual.heads.head import FastHead
from profilestream.continual.heads.lda import ShrinkageLda
from profilestream.continual.heads.means import ClassMeans
from profilestream.continual.heads.method import Method
from profilestream.continual.heads.random_ridge import RandomFeatureRidge
from profilestream.inference.embedder import Embeddings
from profilestream.inference.features import on_grid
from profilestream.inference.heads import NONE_OF_THEM

from .texts import DIRECTIONS, FEATURES, LABELS, D, crossed, methods, texts, unit


def taught(method: Method, embeddings: Embeddings, labels: list[str], order: tuple[str, ...] = LABELS) -> FastHead:
    """A learner that saw these texts; labels in a fixed order."""
    head = FastHead(task="t", encoder="e", dimensions=D, method=method, labels=order)
    head.update(embeddings, labels)
    return head


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("method", [ClassMeans(), ShrinkageLda(prior=20.0), RandomFeatureRidge(FEATURES)])
def test_held_out_predictions_are_those_of_a_head_that_did_not_see_the_text(method: Method, folded: bool) -> None:
    """The closed forms for leaving one out agree with leaving it out and fitting again."""
    embeddings, labels = texts(1, 40, spread=0.5)
    head = taught(method, embeddings, labels)
    if folded:
        head.sums.fold()
    fit = method.fit(head.sums, head.sample)
    rows = head.sample.rows if folded or not isinstance(method, RandomFeatureRidge) else head.sums.waiting
    wrong = 0
    for row, held_out in list(zip(rows, fit.held_out, strict=True))[:10]:
        at = int(np.flatnonzero((on_grid(embeddings) == row).all(axis=1))[0])
        rest = [i for i in range(len(labels)) if i != at]
        other = taught(method, embeddings[rest], [labels[i] for i in rest])
        again = method.fit(other.sums, other.sample)
        told = (row[None] if again.features is None else again.features(row[None])) @ again.weights.T + again.bias
        wrong += int(told.argmax()) != int(held_out.argmax())
        # Up to what is the same for all labels, and to the penalty or the class sizes being chosen again.
        np.testing.assert_allclose(held_out - held_out.mean(), (told - told.mean())[0], atol=0.15 * np.ptp(told))
    assert wrong == 0


def test_texts_that_wait_count_as_if_they_were_folded_in() -> None:
    """Woodbury's identity is exact: a new label does not have to wait for the slow solve."""
    (first, labels), (more, new) = texts(1, 200), texts(2, 30)
    method = RandomFeatureRidge(FEATURES)
    head = taught(method, first, labels)
    head.sums.fold()
    method.fit(head.sums, head.sample)
    for at in range(0, 30, 10):
        head.update(more[at : at + 10], new[at : at + 10])
        quick = method.fit(head.sums, head.sample).weights
    penalty = 1.0
    moments = head.sums.complete()
    errors = []
    for penalty in np.logspace(0.5, 4, 8):
        exact = np.linalg.solve(moments.products + penalty * np.eye(head.sums.width), moments.sums.T)
        raised = np.sqrt(moments.counts.max() / moments.counts)
        errors.append(float(np.abs(exact.T * raised[:, None] - quick).max()))
    assert min(errors) < 1e-4  # at the penalty that was chosen before they came


def test_regression_is_chosen_where_borders_are_curved_and_means_where_they_are_not() -> None:
    """The choice follows held-out texts, and is right on fresh ones."""
    head = taught(methods()["automatic"], *crossed(1, 400), ("same", "other"))
    fresh, truth = crossed(2, 300)
    told = head.solve(1).scores(fresh).argmax(axis=1)
    assert head.fitted == "random-feature ridge"
    assert np.mean([head.labels[t] == label for t, label in zip(told, truth, strict=True)]) > 0.95
    few, labels = texts(3, 200)
    rows = [labels.index(label) for label in LABELS]
    head = taught(methods()["automatic"], few[rows], list(LABELS))
    head.solve(1)
    assert head.fitted == "shrinkage LDA"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [8, 20, 60, 300])
def test_the_choice_is_never_much_worse_than_the_best(seed: int, count: int) -> None:
    """On easy and on curved borders, with few texts and many."""
    for make, order in ((texts, LABELS), (crossed, ("same", "other"))):
        fresh, truth = make(100 + seed, 1000)

        def accuracy(method: Method, make=make, order=order, fresh=fresh, truth=truth) -> float:
            told = taught(method, *make(seed, count), order).solve(1).scores(fresh).argmax(axis=1)
            return float(np.mean([order[t] == label for t, label in zip(told, truth, strict=True)]))

        singles = [accuracy(ShrinkageLda()), accuracy(RandomFeatureRidge(FEATURES))]
        chosen = accuracy(Automatic([ShrinkageLda(), RandomFeatureRidge(FEATURES)]))
        assert chosen >= max(singles) - (0.1 if count < 50 else 0.02)


def test_a_rare_label_is_not_drowned_by_frequent_ones() -> None:
    """Three texts of a new label beside hundreds of others are told as what they are."""
    embeddings, labels = texts(1, 600, spread=0.3)
    rng = np.random.default_rng(5)
    direction = DIRECTIONS[5] + 0.5 * DIRECTIONS[0]
    rare = unit(direction + 0.2 * rng.normal(size=(53, D)).astype(np.float32))
    head = taught(RandomFeatureRidge(FEATURES), embeddings, labels)
    head.update(rare[:3], ["chess"] * 3)
    assert (head.solve(1).scores(rare[3:]).argmax(axis=1) == 4).mean() > 0.7


@pytest.mark.parametrize("name", ["lda", "ridge", "automatic"])
def test_what_is_about_no_label_is_told_as_such(name: str) -> None:
    """Most texts in other directions are rejected, few of those that are about a label."""
    head = taught(methods()[name], *texts(1, 400)).solve(1)
    inside, _ = texts(2, 300)
    rng = np.random.default_rng(3)
    outside = unit(DIRECTIONS[rng.integers(6, 12, size=300)] + 0.15 * rng.normal(size=(300, D)).astype(np.float32))
    assert (head.predict(outside) == NONE_OF_THEM).mean() > 0.9
    assert (head.predict(inside) == NONE_OF_THEM).mean() < 0.15


def test_more_caution_tells_less() -> None:
    """The odds asked for are a threshold on what held-out texts showed."""
    rng = np.random.default_rng(0)
    ids = rng.integers(3, size=500)
    logits = rng.normal(size=(500, 3)) + 1.5 * np.eye(3)[ids]
    found = [calibrate(logits, ids, Caution(background=odds)) for odds in (1.0, 3.0, 10.0)]
    thresholds = [calibration.threshold for calibration in found if calibration]
    assert thresholds == sorted(thresholds)
    assert len(set(thresholds)) == 3


def test_a_scale_makes_probabilities_true() -> None:
    """Logits twice too large come out as those that made the labels."""
    rng = np.random.default_rng(0)
    logits = 3 * rng.normal(size=(4000, 4))
    odds = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    ids = (odds.cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1)
    found = calibrate(2 * logits, ids, Caution())
    assert found
    assert found.scale == pytest.approx(0.5, rel=0.25)


def test_too_few_texts_calibrate_nothing() -> None:
    """A handful of held-out texts says little: the method's own calibration is kept."""
    assert calibrate(np.eye(3), np.arange(3), Caution()) is None
