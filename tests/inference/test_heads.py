"""Heads."""

import numpy as np
import pytest

from profilestream.inference.artefacts import sha256_hex
from profilestream.inference.heads import Head
from profilestream.schemas.errors import ArtefactError


@pytest.fixture
def head() -> Head:
    """Three labels, each its own axis of four; a text on the fourth axis is about none of them."""
    weights = 20 * np.eye(3, 4, dtype=np.float32)
    return Head(
        task="interest",
        version=7,
        encoder="encoder-v1",
        labels=("music", "pizza", "日本"),
        weights=weights,
        bias=np.full(3, -9.0, dtype=np.float32),
    )


def test_a_clear_text_scores_its_label_and_small_talk_scores_none(head: Head) -> None:
    """What is about a label counts for it nearly whole; what is about nothing adds next to nothing."""
    scores = head.scores(np.eye(4, dtype=np.float32)[[1, 3]])
    assert scores[0].argmax() == 1
    assert scores[0, 1] > 0.99
    assert scores[1].sum() < 0.001


def test_scores_are_likelihoods_at_any_magnitude(head: Head) -> None:
    """No overflow and no NaN, however far an embedding lies; rows stay between 0 and 1."""
    scores = head.scores(np.array([[1e4, 1e4, 0, 0], [-1e4, -1e4, -1e4, 0], [0, 0, 0, 0]], dtype=np.float32))
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()
    assert (scores.sum(axis=1) <= 1 + 1e-6).all()


def test_one_event_scores_the_same_in_any_batch(head: Head) -> None:
    """A profile does not depend on how events were batched."""
    embeddings = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    alone = np.concatenate([head.scores(row[None]) for row in embeddings])
    np.testing.assert_allclose(head.scores(embeddings), alone, rtol=1e-5, atol=1e-7)


def test_a_head_without_labels_or_texts_is_no_special_case(head: Head) -> None:
    """Before the first feedback, and in a batch without texts, there is simply nothing to add."""
    empty = Head(
        task="interest",
        version=1,
        encoder="encoder-v1",
        labels=(),
        weights=np.zeros((0, 4), np.float32),
        bias=np.zeros(0, np.float32),
    )
    assert empty.scores(np.ones((2, 4), np.float32)).shape == (2, 0)
    assert head.scores(np.zeros((0, 4), np.float32)).shape == (0, 3)


def test_polarity_stays_between_minus_one_and_one(head: Head) -> None:
    """However strong a text is, its polarity is on the scale."""
    one = Head(
        task="sentiment",
        version=1,
        encoder=head.encoder,
        labels=("polarity",),
        weights=np.array([[5, 0, 0.5, 0]], np.float32),
        bias=np.zeros(1, np.float32),
    )
    polarity = one.polarity(np.array([[1, 0, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0]], np.float32))
    assert polarity.tolist() == [1.0, -1.0, 0.5]


def test_bytes_bring_back_the_same_head(head: Head) -> None:
    """Publishing and loading changes nothing, not even the checksum."""
    data = head.to_bytes()
    back = Head.from_bytes(data, sha256=sha256_hex(data))
    assert (back.task, back.version, back.encoder, back.labels) == (head.task, head.version, head.encoder, head.labels)
    np.testing.assert_array_equal(back.weights, head.weights)
    np.testing.assert_array_equal(back.bias, head.bias)
    assert back.to_bytes() == data


def test_every_truncation_is_refused(head: Head) -> None:
    """Half a download never becomes a head."""
    data = head.to_bytes()
    for length in range(len(data)):
        with pytest.raises(ArtefactError):
            Head.from_bytes(data[:length])


def test_an_altered_head_does_not_match_its_checksum(head: Head) -> None:
    """One flipped bit is noticed."""
    data = bytearray(head.to_bytes())
    expected = sha256_hex(bytes(data))
    data[-1] ^= 1
    with pytest.raises(ArtefactError, match="checksum"):
        Head.from_bytes(bytes(data), sha256=expected)


def test_numbers_that_are_not_finite_and_labels_that_do_not_fit_are_refused(head: Head) -> None:
    """A head that would poison every profile is never loaded."""
    for weights in (np.full((3, 4), np.nan, np.float32), np.zeros((2, 4), np.float32)):
        broken = Head(
            task=head.task,
            version=1,
            encoder=head.encoder,
            labels=head.labels,
            weights=weights,
            bias=head.bias,
        )
        with pytest.raises(ArtefactError):
            Head.from_bytes(broken.to_bytes())
