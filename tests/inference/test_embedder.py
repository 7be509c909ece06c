"""What every embedder must do, whichever it is: the same tests on the twins and on a real Triton."""

import asyncio
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from profilestream.inference.cache import CachedEmbedder
from profilestream.inference.client import TritonEmbedder
from profilestream.inference.embedder import Embedder
from profilestream.inference.hashing import HashEmbedder
from profilestream.inference.local import LocalEmbedder
from profilestream.inference.repository import ModelDirectory
from tests.inference.conftest import SENTENCES

STRANGE = {
    "empty": "",
    "blank": " \t\n",
    "a megabyte": "a long story " * 80_000,
    "a megabyte of one word": "x" * 1_000_000,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈" * 20,
    "half a character": "broken \ud83d pair",
    "null": "a\x00b",
    "right to left": "שלום \u202e עולם",
}


@pytest.fixture(params=["hash", "cached", "local", "triton"])
def make(request: pytest.FixtureRequest) -> Callable[[], Embedder]:
    """Makes one of each implementation in turn; servers are started here, outside the test's event loop."""
    if request.param == "hash":
        return HashEmbedder
    if request.param == "cached":
        return lambda: CachedEmbedder(HashEmbedder(), 100)
    model: ModelDirectory = request.getfixturevalue("int8")
    if request.param == "local":
        return lambda: LocalEmbedder(model.path)
    url = request.getfixturevalue("triton_url")
    return lambda: TritonEmbedder(url, model.path.name)


@pytest.fixture
async def embedder(make: Callable[[], Embedder]) -> AsyncIterator[Embedder]:
    """An implementation of the protocol."""
    made = make()
    yield made
    await made.close()


async def test_rows_are_unit_vectors(embedder: Embedder) -> None:
    """Each text has one float32 row of unit length and of the dimensions that were said."""
    rows = await embedder.embed(SENTENCES)
    assert rows.dtype == np.float32
    assert rows.shape == (len(SENTENCES), embedder.dimensions)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


async def test_rows_are_in_the_order_of_the_texts(embedder: Embedder) -> None:
    """Sorting by length, splitting and removing duplicates are invisible."""
    shuffled = [SENTENCES[index] for index in (3, 0, 3, 6, 5, 1, 0, 2, 4)]
    expected = {text: (await embedder.embed([text]))[0] for text in SENTENCES}
    rows = await embedder.embed(shuffled)
    np.testing.assert_allclose(rows, [expected[text] for text in shuffled], atol=1e-5)


async def test_a_vector_does_not_depend_on_its_batch(embedder: Embedder) -> None:
    """A replay that batches differently gives the same profile."""
    alone = await embedder.embed(["hm"])
    among = await embedder.embed(["hm", *(f"{text} {number}" for number in range(40) for text in SENTENCES)])
    assert alone[0] @ among[0] > 0.9999


async def test_alike_texts_are_closer(embedder: Embedder) -> None:
    """A question said in other words is closer than a question about something else."""
    texts = ["where is my parcel?", "my parcel, where is it now?", "skating on a frozen lake"]
    question, reworded, other = await embedder.embed(texts)
    assert question @ reworded > question @ other + 0.2


async def test_no_texts(embedder: Embedder) -> None:
    """A batch of events without text needs no special case."""
    assert (await embedder.embed([])).shape == (0, embedder.dimensions)


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE.keys())
async def test_strange_texts(embedder: Embedder, text: str) -> None:
    """Whatever a user typed gets a unit vector, and the texts beside it get theirs."""
    expected = await embedder.embed(["an ordinary text"])
    rows = await embedder.embed(["an ordinary text", text])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert rows[0] @ expected[0] > 0.9999


async def test_calls_at_the_same_time(embedder: Embedder) -> None:
    """Many batches in flight do not mix up their rows."""
    batches = [[f"{text} {number}" for text in SENTENCES] for number in range(16)]
    together = await asyncio.gather(*map(embedder.embed, batches))
    for batch, rows in zip(batches, together, strict=True):
        np.testing.assert_allclose(rows, await embedder.embed(batch), atol=1e-5)


async def test_triton_and_the_twin_agree(triton_url: str, int8: ModelDirectory) -> None:
    """What was computed without Triton can be compared with what comes from Triton."""
    texts = [*SENTENCES, *STRANGE.values()]
    local, remote = LocalEmbedder(int8.path), TritonEmbedder(triton_url, "minilm-int8")
    ours, theirs = await local.embed(texts), await remote.embed(texts)
    assert (ours * theirs).sum(1).min() > 0.9999
    assert (local.model, local.dimensions) == (remote.model, remote.dimensions)
    await local.close()
    await remote.close()
