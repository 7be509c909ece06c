"""What every fast head keeps, whatever its closed form: run on each of them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profilestream.continual.heads.head import FastHead
from profilestream.continual.heads.method import Method
from profilestream.continual.heads.sums import FOLD
from profilestream.inference.embedder import Embeddings
from profilestream.schemas.errors import ArtefactError

from .texts import DIRECTIONS, LABELS, D, methods, texts

EVERY = pytest.mark.parametrize("name", list(methods()))


def new(method: Method, labels: tuple[str, ...] = ()) -> FastHead:
    """Empty."""
    return FastHead(task="interest", encoder="encoder-v1", dimensions=D, method=method, labels=labels)


def learned(method: Method, embeddings: Embeddings, labels: list[str], cuts: list[int] | None = None) -> FastHead:
    """A learner that saw these texts, cut at the given places; folded in there now and then."""
    head = new(method)
    for at, (begin, end) in enumerate(pairwise([0, *sorted(cuts or []), len(labels)])):
        head.update(embeddings[begin:end], labels[begin:end])
        if at % 2:
            head.sums.fold()
    return head


def assert_same(one: FastHead, other: FastHead) -> None:
    """Equal sums to the last bit, whatever ids the labels got."""
    mine, theirs = one.sums.complete(), other.sums.complete()
    rows = [row for row, count in enumerate(mine.counts) if count]
    order = [other.labels.index(one.labels[row]) for row in rows]
    np.testing.assert_array_equal(mine.counts[rows], theirs.counts[order])
    np.testing.assert_array_equal(mine.sums[rows], theirs.sums[order])
    np.testing.assert_array_equal(mine.products, theirs.products)
    assert one.texts == other.texts


def accuracy(head: FastHead, seed: int) -> float:
    """Share of fresh texts whose highest score is their label's."""
    embeddings, labels = texts(seed, 500)
    guesses = head.solve(1).scores(embeddings).argmax(axis=1)
    return float(np.mean([head.labels[g] == label for g, label in zip(guesses, labels, strict=True)]))


@EVERY
@settings(max_examples=12)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 80),
    cuts=st.lists(st.integers(0, 80), max_size=4),
    mix=st.randoms(),
)
def test_order_and_batches_do_not_matter(name: str, seed: int, count: int, cuts: list[int], mix) -> None:
    """Feedback may come in any order and in any pieces: the sums agree to the last bit."""
    embeddings, labels = texts(seed, count)
    order = list(range(count))
    mix.shuffle(order)
    method = methods()[name]
    pieces = [cut for cut in cuts if cut < count]
    shuffled = learned(method, embeddings[order], [labels[i] for i in order], pieces)
    assert_same(learned(method, embeddings, labels), shuffled)


@EVERY
@settings(max_examples=12)
@given(seed=st.integers(0, 10**6), count=st.integers(2, 80), data=st.data())
def test_merging_and_forgetting_are_exact(name: str, seed: int, count: int, data: st.DataObject) -> None:
    """Two learners merged are one that saw both; a user's share taken out leaves one that never saw it."""
    embeddings, labels = texts(seed, count)
    method = methods()[name]
    cut = data.draw(st.integers(0, count))
    pieces = data.draw(st.lists(st.integers(0, count), max_size=2))
    rest, share = learned(method, embeddings[:cut], labels[:cut]), learned(method, embeddings[cut:], labels[cut:])
    whole = learned(method, embeddings, labels, pieces)
    merged = learned(method, embeddings[:cut], labels[:cut])
    merged.merge(share)
    assert_same(merged, whole)
    whole.subtract(embeddings[cut:], labels[cut:])
    assert_same(rest, whole)
    np.testing.assert_array_equal(np.sort(rest.sample.rows, axis=0), np.sort(whole.sample.rows, axis=0))


@EVERY
def test_what_is_left_predicts_as_if_the_rest_had_never_been_learned(name: str) -> None:
    """Forgetting reaches the head itself, before and after texts were folded into the sums."""
    method = methods()[name]
    embeddings, labels = texts(3, 300)
    for fold in (False, True):
        whole, rest = learned(method, embeddings, labels), learned(methods()[name], embeddings[:200], labels[:200])
        if fold:
            whole.sums.fold()
        whole.subtract(embeddings[200:], labels[200:])
        fresh, _ = texts(4, 100)
        order = [whole.labels.index(label) for label in rest.labels]
        np.testing.assert_allclose(whole.solve(1).scores(fresh)[:, order], rest.solve(1).scores(fresh), atol=2e-3)


@EVERY
def test_a_saved_learner_goes_on_where_it_was(name: str) -> None:
    """Reading it gives the same sums and the same head, and takes more texts."""
    head = learned(methods()[name], *texts(1, 120), [40, 80])
    back = FastHead.from_bytes(
        head.to_bytes(), task="interest", encoder="encoder-v1", dimensions=D, method=methods()[name]
    )
    assert back.solve(3).to_bytes() == head.solve(3).to_bytes()
    for learner in (head, back):
        learner.update(*texts(2, 20))
    assert_same(head, back)


@EVERY
def test_saved_sums_that_are_damaged_or_of_another_kind_are_refused(name: str) -> None:
    """Truncated bytes and another task's sums are told apart from an empty learner."""
    data = learned(methods()[name], *texts(1, 50)).to_bytes()
    with pytest.raises(ArtefactError):
        FastHead.from_bytes(data[:-8], task="interest", encoder="encoder-v1", dimensions=D, method=methods()[name])
    with pytest.raises(ArtefactError, match="do not fit"):
        FastHead.from_bytes(data, task="intent", encoder="encoder-v1", dimensions=D, method=methods()[name])


@EVERY
def test_a_few_texts_are_enough_and_more_make_it_better(name: str) -> None:
    """One text a label beats chance by far; two hundred are nearly always right."""
    first, labels = texts(5, 40)
    rows = [labels.index(label) for label in LABELS]
    once = learned(methods()[name], first[rows], list(LABELS))
    assert accuracy(once, 6) > 0.75
    assert accuracy(learned(methods()[name], *texts(7, 200)), 6) > 0.97


@EVERY
def test_a_new_label_is_known_at_once_and_nothing_else_is_lost(name: str) -> None:
    """Labels come at any time, also after many texts were folded in: old ids stay, and so does what was learned."""
    head = learned(methods()[name], *texts(3, 400))
    head.sums.fold()
    before, old = accuracy(head, 8), head.labels
    head.update(np.stack([DIRECTIONS[5]] * 3), ["chess"] * 3)
    assert head.labels == (*old, "chess")
    assert head.solve(2).predict(DIRECTIONS[5][None]).tolist() == [4]
    assert accuracy(head, 8) >= before - 0.01


@EVERY
def test_a_forgotten_label_keeps_its_id_and_is_never_told_again(name: str) -> None:
    """Profiles hold ids: taking out the only user of a label must not shift the others."""
    embeddings, _ = texts(3, 6)
    head = learned(methods()[name], embeddings, ["secret", "secret", "a", "a", "b", "b"])
    head.subtract(embeddings[:2], ["secret", "secret"])
    assert head.labels == ("secret", "a", "b")
    assert head.solve(1).scores(embeddings)[:, 0].max() == 0


@EVERY
def test_labels_that_are_in_use_keep_their_ids(name: str) -> None:
    """After a restart labels get the ids that profiles already hold, in whatever order they come back."""
    head = new(methods()[name], ("work", "music"))
    head.update(*texts(2, 50))
    assert head.labels[:2] == ("work", "music")
    assert head.solve(1).labels == head.labels


@EVERY
def test_only_what_was_learned_can_be_forgotten(name: str) -> None:
    """Taking out what a stranger said is refused and changes nothing."""
    head = learned(methods()[name], *texts(1, 5))
    before = head.sums.complete()
    with pytest.raises(ArtefactError, match="cannot forget"):
        head.subtract(*texts(2, 50))
    for mine, was in zip(head.sums.complete(), before, strict=True):
        np.testing.assert_array_equal(mine, was)


@EVERY
@pytest.mark.parametrize(
    "rows",
    [np.zeros((1, D + 1)), np.zeros((2, D)), np.full((1, D), np.nan), np.full((1, D), 9.0)],
    ids=["wide", "many", "nan", "long"],
)
def test_embeddings_that_do_not_fit_are_refused_whole(name: str, rows: np.ndarray) -> None:
    """A bad batch leaves the sums as they were."""
    head = learned(methods()[name], *texts(1, 5))
    with pytest.raises(ArtefactError):
        head.update(rows.astype(np.float32), ["music"])
    assert_same(head, learned(methods()[name], *texts(1, 5)))


@EVERY
def test_memory_is_bounded(name: str) -> None:
    """However many texts come, what is kept does not grow: rows that wait, a sample, and sums."""
    head = new(methods()[name])
    width = head.sums.width
    bound = 3 * FOLD * (4 * D + 8) + 8 * width * (width + len(LABELS)) + 4096
    for seed in range(6):
        head.update(*texts(seed, FOLD))
    assert head.texts == 6 * FOLD
    assert len(head.to_bytes()) < bound


def test_sums_of_another_encoder_are_refused() -> None:
    """Vectors of two encoders never mix."""
    method = methods()["lda"]
    other = FastHead(task="interest", encoder="encoder-v2", dimensions=D, method=method)
    with pytest.raises(ArtefactError, match="encoder-v2"):
        new(method).merge(other)
