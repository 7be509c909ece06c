import asyncio

import pytest

from profilestream.deploy.local.ports import free_port
from profilestream.inference.cache import CachedEmbedder
from profilestream.inference.client import TritonEmbedder
from profilestream.inference.hashing import HashEmbedder
from profilestream.inference.pool import EncoderPool
from profilestream.schemas.errors import InferenceUnavailableError


class Closing(HashEmbedder):
    """Remembers whether it was closed."""

    closed = False

    async def close(self) -> None:
        """Closed."""
        self.closed = True


@pytest.fixture
def made() -> dict[str, Closing]:
    """What the pool connected to, by model."""
    return {}


@pytest.fixture
def pool(made: dict[str, Closing]) -> EncoderPool:
    """A pool that connects to hash encoders."""
    return EncoderPool(lambda model: made.setdefault(model, Closing(model=model)))


async def test_an_encoder_is_opened_once(pool: EncoderPool, made: dict[str, Closing]) -> None:
    """Every batch uses the same connection, and what was asked is counted."""
    assert await pool.open("a") is await pool.open("a")
    assert (await pool("a").embed(["x", "y"])).shape == (2, 64)
    assert (pool.served["a"].calls, pool.served["a"].texts, pool.served["a"].failures) == (1, 2, 0)
    await pool.close()
    assert made["a"].closed


async def test_one_that_does_not_answer_is_not_opened(pool: EncoderPool, made: dict[str, Closing]) -> None:
    """It does not come into use, and the next attempt is a new one."""
    made["a"] = Closing(model="a")
    made["a"].fail()
    with pytest.raises(InferenceUnavailableError):
        await pool.open("a")
    assert made["a"].closed
    with pytest.raises(KeyError):
        pool("a")
    made["a"].recover()
    await pool.open("a")


async def test_failures_are_counted(pool: EncoderPool, made: dict[str, Closing]) -> None:
    """A canary is judged by them."""
    await pool.open("a")
    made["a"].fail()
    with pytest.raises(InferenceUnavailableError):
        await pool("a").embed(["x"])
    assert pool.served["a"].failure_share == 1.0


async def test_one_that_is_working_is_closed_when_it_is_done(pool: EncoderPool, made: dict[str, Closing]) -> None:
    """A batch that began with the old encoder finishes with it."""
    await pool.open("old")
    await pool.open("new")
    made["old"].hang()
    working = asyncio.create_task(pool("old").embed(["x"]))
    await asyncio.sleep(0)
    await pool.keep(["new"])
    assert not made["old"].closed
    made["old"].recover()
    assert len(await working) == 1
    assert made["old"].closed
    assert not made["new"].closed


async def test_what_caches_did_is_told_by_model() -> None:
    """For metrics, and only of models that have a cache."""
    pool = EncoderPool.of(CachedEmbedder(HashEmbedder(), 10), HashEmbedder(model="hash-v2"))
    for _ in range(2):
        await pool("hash-v1").embed(["a cat", "a dog"])
    await pool("hash-v2").embed(["a cat"])
    assert {name: (cache.hits, cache.misses) for name, cache in pool.caches.items()} == {"hash-v1": (2, 2)}


async def test_a_server_that_is_away_is_noticed_without_a_text() -> None:
    """Also behind a cache that would have answered; an encoder without a server is always there."""
    triton = TritonEmbedder(f"127.0.0.1:{free_port()}", "encoder-v1", 64)
    pool = EncoderPool.of(CachedEmbedder(triton, 10), HashEmbedder())
    await pool.check("hash-v1", 1.0)
    with pytest.raises(InferenceUnavailableError, match="encoder-v1"):
        await pool.check("encoder-v1", 1.0)
    await pool.close()
