from hypothesis import given
from hypothesis import strategies as st

from profilestream.inference.texts import distinct, split

BYTES = st.lists(st.binary(max_size=40), max_size=60)


@given(st.lists(st.text(max_size=5)))
def test_distinct_texts_rebuild_the_batch(texts: list[str]) -> None:
    """Each text is sent once and every caller gets its row."""
    encoded, indices = distinct(texts, 1000)
    assert len(set(encoded)) == len(encoded)
    assert [encoded[index] for index in indices] == [text.encode("utf-8", "replace") for text in texts]


def test_a_lone_surrogate_is_replaced() -> None:
    """Half an emoji, as some phones send it, does not fail the batch."""
    assert distinct(["a\ud83d"], 1000) == ([b"a?"], [0])


def test_long_texts_are_cut() -> None:
    """A text of a megabyte costs no more than what the encoder reads of it."""
    encoded, _ = distinct(["ä" * 1_000_000], 100)
    assert [len(text) for text in encoded] == [100]


@given(BYTES, st.integers(1, 8), st.integers(1, 100))
def test_requests_hold_each_text_once_within_the_limits(texts: list[bytes], most_texts: int, most_bytes: int) -> None:
    """No request is larger than the server takes, and none of the texts is lost."""
    requests = list(split(texts, most_texts=most_texts, most_bytes=most_bytes))
    assert sorted(index for request in requests for index in request) == list(range(len(texts)))
    for request in requests:
        assert len(request) <= most_texts
        assert len(request) == 1 or sum(len(texts[index]) for index in request) <= most_bytes
