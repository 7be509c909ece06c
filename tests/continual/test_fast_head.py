"""The fast head: running sums that commute, and what is solved from them."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profilestream.continual.fast_head import FastHead
from profilestream.inference.embedder import Embeddings
from profilestream.schemas.errors import ArtefactError

D = 16
LABELS = ("music", "pizza", "travel", "work")


def new() -> FastHead:
    """Empty."""
    return FastHead(task="interest", encoder="encoder-v1", dimensions=D)


def texts(seed: int, count: int, spread: float = 0.15) -> tuple[Embeddings, list[str]]:
    """Unit vectors around four directions, with their labels."""
    rng = np.random.default_rng(seed)
    centres = np.linalg.qr(np.random.default_rng(1).normal(size=(D, D)))[0][:4]
    ids = rng.integers(4, size=count)
    rows = centres[ids] + spread * rng.normal(size=(count, D))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), [LABELS[i] for i in ids]


def learned(embeddings: Embeddings, labels: list[str], pieces: list[int] | None = None) -> FastHead:
    """A learner that saw these texts, cut at the given places."""
    head = new()
    cuts = [0, *sorted(pieces or []), len(labels)]
    for begin, end in pairwise(cuts):
        head.update(embeddings[begin:end], labels[begin:end])
    return head


def assert_same(one: FastHead, other: FastHead) -> None:
    """Equal sums to 1e-9, whatever ids the labels got."""
    order = [other.labels.index(label) for label, count in zip(one.labels, one.counts, strict=True) if count]
    mine = [row for row, count in enumerate(one.counts) if count]
    np.testing.assert_allclose(one.counts[mine], other.counts[order], atol=1e-9)
    np.testing.assert_allclose(one.sums[mine], other.sums[order], atol=1e-9)
    np.testing.assert_allclose(one.moments, other.moments, atol=1e-9)
    assert one.texts == other.texts


def accuracy(head: FastHead, seed: int) -> float:
    """Share of fresh texts whose highest score is their label's."""
    embeddings, labels = texts(seed, 500)
    guesses = head.solve(1).scores(embeddings).argmax(axis=1)
    return float(np.mean([head.labels[g] == label for g, label in zip(guesses, labels, strict=True)]))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 80), st.lists(st.integers(0, 80), max_size=4), st.randoms())
def test_order_and_batches_do_not_matter(seed: int, count: int, cuts: list[int], random) -> None:
    """Feedback may come in any order and in any pieces: the sums agree to 1e-9."""
    embeddings, labels = texts(seed, count)
    order = list(range(count))
    random.shuffle(order)
    shuffled = learned(embeddings[order], [labels[i] for i in order], [cut for cut in cuts if cut < count])
    assert_same(learned(embeddings, labels), shuffled)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 80), st.data())
def test_merging_and_forgetting_are_exact(seed: int, count: int, data: st.DataObject) -> None:
    """Two learners merged are one that saw both; a user's share subtracted leaves one that never saw it."""
    embeddings, labels = texts(seed, count)
    cut = data.draw(st.integers(0, count))
    rest, share = learned(embeddings[:cut], labels[:cut]), learned(embeddings[cut:], labels[cut:])
    whole = learned(embeddings, labels)
    merged = learned(embeddings[:cut], labels[:cut])
    merged.merge(share)
    assert_same(merged, whole)
    whole.subtract(share)
    assert_same(rest, whole)
    np.testing.assert_allclose(
        rest.solve(1).scores(embeddings).sum(axis=1), whole.solve(1).scores(embeddings).sum(axis=1), atol=1e-6
    )


def test_a_few_texts_are_enough_for_a_useful_head_and_more_make_it_better() -> None:
    """One text a label beats chance by far; two hundred are nearly always right."""
    first, labels = texts(5, 40)
    once = new()
    for label in LABELS:
        row = labels.index(label)
        once.update(first[row : row + 1], [label])
    assert accuracy(once, 6) > 0.75
    assert accuracy(learned(*texts(7, 200)), 6) > 0.97


def test_small_talk_adds_next_to_nothing() -> None:
    """A text that is like all texts together, or like none of the labels, speaks for no label."""
    head = learned(*texts(3, 400)).solve(1)
    embeddings, _ = texts(4, 200)
    common = embeddings.sum(axis=0, keepdims=True)
    common /= np.linalg.norm(common)
    outside = np.linalg.qr(np.random.default_rng(1).normal(size=(D, D)))[0][10:12].astype(np.float32)
    assert head.scores(embeddings).max(axis=1).mean() > 20 * head.scores(np.concatenate([common, outside])).max()


def test_a_new_label_is_known_after_one_update_and_nothing_else_is_lost() -> None:
    """Labels come at any time: ids of the old ones stay, and so does what was learned about them."""
    head = learned(*texts(3, 400))
    before, old = accuracy(head, 8), head.labels
    fifth = np.linalg.qr(np.random.default_rng(1).normal(size=(D, D)))[0][5].astype(np.float32)
    head.update(np.stack([fifth] * 5), ["chess"] * 5)
    assert head.labels == (*old, "chess")
    assert head.solve(2).scores(fifth[None]).argmax() == 4
    assert accuracy(head, 8) >= before - 0.01


def test_a_forgotten_label_keeps_its_id_and_is_never_told_again() -> None:
    """Profiles hold ids: taking out the only user of a label must not shift the others."""
    embeddings, _ = texts(3, 6)
    head = new()
    share = new()
    share.update(embeddings[:2], ["secret", "secret"])
    head.merge(share)
    head.update(embeddings[2:], ["a", "a", "b", "b"])
    head.subtract(share)
    assert head.labels == ("secret", "a", "b")
    assert head.solve(1).scores(embeddings)[:, 0].max() == 0


def test_labels_that_are_in_use_keep_their_ids() -> None:
    """After a restart labels get the ids that profiles already hold, in whatever order they come back."""
    head = FastHead(task="interest", encoder="e", dimensions=D, labels=("work", "music"))
    head.update(*texts(2, 50))
    assert head.labels[:2] == ("work", "music")


def test_only_what_was_learned_can_be_forgotten() -> None:
    """Subtracting a stranger's share is refused and changes nothing."""
    head, stranger = learned(*texts(1, 5)), learned(*texts(2, 50))
    counts = head.counts.copy()
    with pytest.raises(ArtefactError, match="cannot forget"):
        head.subtract(stranger)
    np.testing.assert_array_equal(head.counts, counts)


def test_sums_of_another_encoder_are_refused() -> None:
    """Vectors of two encoders never mix."""
    other = FastHead(task="interest", encoder="encoder-v2", dimensions=D)
    with pytest.raises(ArtefactError, match="encoder-v2"):
        new().merge(other)


@pytest.mark.parametrize(
    "rows", [np.zeros((1, D + 1)), np.zeros((2, D)), np.full((1, D), np.nan)], ids=["wide", "many", "nan"]
)
def test_embeddings_that_do_not_fit_are_refused_whole(rows: np.ndarray) -> None:
    """A bad batch leaves the sums as they were."""
    head = learned(*texts(1, 5))
    before = head.moments.copy()
    with pytest.raises(ArtefactError):
        head.update(rows.astype(np.float32), ["music"])
    np.testing.assert_array_equal(head.moments, before)
    assert head.texts == 5


def test_a_saved_learner_goes_on_where_it_was(tmp_path: Path) -> None:
    """Loading gives the same head and takes more texts."""
    path = tmp_path / "interest.safetensors"
    head = learned(*texts(1, 50))
    head.save(path)
    back = FastHead.load(path)
    assert back.solve(3).to_bytes() == head.solve(3).to_bytes()
    for learner in (head, back):
        learner.update(*texts(2, 20))
    assert_same(head, back)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """A truncated or a missing file is told apart from an empty learner."""
    path = tmp_path / "interest.safetensors"
    learned(*texts(1, 50)).save(path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ArtefactError):
        FastHead.load(path)
    with pytest.raises(ArtefactError, match="cannot read"):
        FastHead.load(tmp_path / "absent")
