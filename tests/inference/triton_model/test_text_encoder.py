from hypothesis import given
from hypothesis import strategies as st

from profilestream.inference.triton_model.text_encoder import even_budget, sub_batches


@given(st.lists(st.integers(1, 256), max_size=200), st.integers(1, 1024))
def test_each_text_is_in_one_sub_batch(lengths: list[int], budget: int) -> None:
    """No text is lost or encoded twice."""
    batches = list(sub_batches(lengths, budget))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))


@given(st.lists(st.integers(1, 256), max_size=200), st.integers(1, 1024))
def test_sub_batches_keep_to_the_budget(lengths: list[int], budget: int) -> None:
    """Memory is bounded: padded tokens stay within the budget, unless one text alone exceeds it."""
    for batch in sub_batches(lengths, budget):
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= budget


@given(st.lists(st.integers(1, 256), min_size=2, max_size=200))
def test_texts_of_a_length_stay_together(lengths: list[int]) -> None:
    """A short text is not padded to a long one's length while there are texts between them."""
    longest = [max(lengths[index] for index in batch) for batch in sub_batches(lengths, 512)]
    shortest = [min(lengths[index] for index in batch) for batch in sub_batches(lengths, 512)]
    assert all(next_longest <= before for before, next_longest in zip(shortest, longest[1:], strict=False))


@given(st.integers(1, 32), st.integers(8, 40), st.integers(1, 8))
def test_all_threads_share_a_few_texts(length: int, each: int, threads: int) -> None:
    """Texts of one length that would be too few for every thread's budget are shared out evenly."""
    lengths = [length] * (each * threads)
    batches = list(sub_batches(lengths, even_budget(lengths, length * (2 * each - 1), threads)))
    assert [len(batch) for batch in batches] == [each] * threads


def test_very_few_texts_stay_together() -> None:
    """Two threads for two short texts would take longer, in all, than one."""
    assert len(list(sub_batches([16, 16], even_budget([16, 16], 128, 2)))) == 1


@given(st.lists(st.integers(1, 256), max_size=200), st.integers(1, 1024), st.integers(1, 8))
def test_an_even_share_keeps_to_the_budget(lengths: list[int], budget: int, threads: int) -> None:
    """However many threads there are, a sub-batch is never larger than was set."""
    assert 1 <= even_budget(lengths, budget, threads) <= budget
