import asyncio

import pytest

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
