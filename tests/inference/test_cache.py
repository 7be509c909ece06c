import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profilestream.inference.cache import CachedEmbedder
from profilestream.inference.hashing import HashEmbedder
from profilestream.schemas.errors import InferenceUnavailableError

CALLS = st.lists(st.lists(st.sampled_from("abcdefghij"), max_size=8), max_size=12)


@given(CALLS, st.integers(0, 6))
async def test_rows_are_those_of_the_embedder(calls: list[list[str]], capacity: int) -> None:
    """Whatever is kept or evicted, a text has its own vector, and the cache keeps to its bound."""
    cache, plain = CachedEmbedder(HashEmbedder(), capacity), HashEmbedder()
    for texts in calls:
        np.testing.assert_array_equal(await cache.embed(texts), await plain.embed(texts))
        assert len(cache) <= capacity
    assert cache.statistics.hits + cache.statistics.misses == sum(map(len, calls))


@given(CALLS)
async def test_no_text_is_asked_for_twice(calls: list[list[str]]) -> None:
    """With room for all texts, the encoder sees each of them once."""
    inner = HashEmbedder()
    cache = CachedEmbedder(inner, 10)
    for texts in calls:
        await cache.embed(texts)
    assert len(inner.embedded) == len(set(inner.embedded))


async def test_the_least_recently_used_goes_first() -> None:
    """Texts that come again and again stay."""
    inner = HashEmbedder()
    cache = CachedEmbedder(inner, 2)
    for text in ("often", "once", "often", "new", "often"):
        await cache.embed([text])
    assert inner.embedded == ["often", "once", "new"]
    assert cache.statistics.evictions == 1


async def test_calls_at_the_same_time_share_a_request() -> None:
    """Two batches with the same greeting ask for it once."""
    inner = HashEmbedder()
    cache = CachedEmbedder(inner, 10)
    inner.hang()
    calls = [asyncio.create_task(cache.embed(["hello", name])) for name in ("ann", "bob")]
    await asyncio.sleep(0)
    inner.recover()
    first, second = await asyncio.gather(*calls)
    assert sorted(inner.embedded) == ["ann", "bob", "hello"]
    np.testing.assert_array_equal(first[0], second[0])


async def test_a_cancelled_call_leaves_the_others() -> None:
    """A batch that is given up does not take away the answer that another one waits for."""
    inner = HashEmbedder()
    cache = CachedEmbedder(inner, 10)
    inner.hang()
    given_up, waiting = (asyncio.create_task(cache.embed(["hello"])) for _ in range(2))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.wait([given_up])
    inner.recover()
    assert len(await waiting) == 1


async def test_failures_are_not_kept() -> None:
    """After an outage the same text is asked for again."""
    inner = HashEmbedder()
    cache = CachedEmbedder(inner, 10)
    inner.fail()
    with pytest.raises(InferenceUnavailableError):
        await cache.embed(["text"])
    inner.recover()
    assert len(await cache.embed(["text"])) == 1
    assert len(cache) == 1


async def test_closing_ends_what_is_on_its_way() -> None:
    """A worker that stops does not wait for an encoder that hangs."""
    inner = HashEmbedder()
    cache = CachedEmbedder(inner, 10)
    inner.hang()
    call = asyncio.create_task(cache.embed(["text"]))
    await asyncio.sleep(0)
    await cache.close()
    with pytest.raises(asyncio.CancelledError):
        await call
