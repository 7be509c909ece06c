import asyncio

import numpy as np
import pytest

from profilestream.inference.hashing import HashEmbedder
from profilestream.schemas.errors import InferenceUnavailableError


async def test_two_of_them_agree() -> None:
    """A test that restarts a worker with a new twin sees the same vectors."""
    texts = ["one two", "three"]
    np.testing.assert_array_equal(await HashEmbedder().embed(texts), await HashEmbedder().embed(texts))


async def test_another_name_is_another_space() -> None:
    """Vectors of two models never mix, also in tests."""
    first, second = HashEmbedder(model="hash-v1"), HashEmbedder(model="hash-v2")
    assert abs((await first.embed(["word"]))[0] @ (await second.embed(["word"]))[0]) < 0.9


async def test_it_fails_when_told_to() -> None:
    """A test can take inference down and bring it back."""
    embedder = HashEmbedder()
    embedder.fail()
    with pytest.raises(InferenceUnavailableError):
        await embedder.embed(["text"])
    embedder.recover()
    assert len(await embedder.embed(["text"])) == 1


async def test_it_hangs_until_it_recovers() -> None:
    """A test can hold a batch in flight for as long as it likes."""
    embedder = HashEmbedder()
    embedder.hang()
    call = asyncio.create_task(embedder.embed(["text"]))
    await asyncio.sleep(0)
    assert not call.done()
    embedder.recover()
    assert len(await call) == 1


async def test_a_hanging_call_can_fail() -> None:
    """A test can let a call fail in the middle."""
    embedder = HashEmbedder()
    embedder.hang()
    call = asyncio.create_task(embedder.embed(["text"]))
    await asyncio.sleep(0)
    embedder.fail()
    with pytest.raises(InferenceUnavailableError):
        await call
