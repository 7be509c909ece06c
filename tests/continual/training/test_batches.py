"""Batches of texts of similar length."""

from hypothesis import given
from hypothesis import strategies as st

from profilestream.continual.training.batches import by_length


@given(lengths=st.lists(st.integers(1, 60), max_size=300), batch=st.integers(1, 40), seed=st.integers(0, 9))
def test_each_text_is_in_one_batch(lengths, batch, seed) -> None:
    """An epoch is over every text once, in batches that are not too large, and can be repeated."""
    batches = by_length(lengths, batch, seed)
    assert sorted(index for rows in batches for index in rows) == list(range(len(lengths)))
    assert all(len(rows) <= batch for rows in batches)
    assert by_length(lengths, batch, seed) == batches


def test_padding_is_a_small_part() -> None:
    """Of 1,000 texts of 1 to 30 tokens, less than a tenth of what is computed is padding."""
    lengths = [1 + (7 * index) % 30 for index in range(1000)]
    batches = by_length(lengths, 32, 0)
    computed = sum(len(rows) * max(lengths[row] for row in rows) for rows in batches)
    assert computed < 1.15 * sum(lengths)
