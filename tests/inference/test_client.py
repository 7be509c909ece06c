"""The client against a real Triton that dies, hangs and refuses."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from profilestream.deploy.local.ports import free_port
from profilestream.deploy.local.process import ServerProcess, start_on_free_ports
from profilestream.deploy.local.triton import TritonEnvironment
from profilestream.inference.client import RequestLimits, TritonEmbedder
from profilestream.inference.repository import ModelDirectory
from profilestream.inference.retry import RetryPolicy
from profilestream.schemas.errors import ConfigurationError, InferenceUnavailableError
from tests.inference.conftest import SENTENCES, triton_server

MODEL = "minilm-int8"
HUNG = 60.0  # seconds after which a test calls it a hang


@pytest.fixture
def server(triton_environment: TritonEnvironment, int8: ModelDirectory, tmp_path: Path) -> Iterator[ServerProcess]:
    """A Triton of the test's own, on a port that it keeps when started again."""
    port = free_port()
    process = asyncio.run(start_on_free_ports(lambda: triton_server(triton_environment, int8, port), tmp_path))
    yield process
    asyncio.run(process.stop())


def processes(server: ServerProcess) -> list[psutil.Process]:
    """Triton and its models, without the launcher above them."""
    return psutil.Process(server.pid).children(recursive=True)


async def test_dimensions_come_from_the_server(triton_url: str) -> None:
    """Nobody has to say how long a vector is."""
    embedder = TritonEmbedder(triton_url, MODEL)
    await embedder.wait_ready(HUNG)
    assert embedder.dimensions == 384
    await embedder.close()


async def test_dimensions_are_not_guessed(triton_url: str) -> None:
    """Asked too early, the client says what to do."""
    with pytest.raises(InferenceUnavailableError, match="answered once"):
        _ = TritonEmbedder(triton_url, MODEL).dimensions


async def test_other_dimensions_than_configured_are_refused(triton_url: str) -> None:
    """A worker whose profiles have another length does not start."""
    embedder = TritonEmbedder(triton_url, MODEL, 192)
    with pytest.raises(ConfigurationError, match="384 dimensions, not 192"):
        await embedder.wait_ready(HUNG)
    await embedder.close()


async def test_a_model_that_is_not_there(triton_url: str) -> None:
    """A wrong model name is reported with the name."""
    embedder = TritonEmbedder(triton_url, "no-such-model", deadline=0.5)
    with pytest.raises(InferenceUnavailableError, match="no-such-model"):
        await embedder.embed(["text"])
    await embedder.close()


async def test_nobody_listens() -> None:
    """A wrong address is reported with the address."""
    url = f"127.0.0.1:{free_port()}"
    embedder = TritonEmbedder(url, MODEL, 384, deadline=0.5)
    with pytest.raises(InferenceUnavailableError, match=url):
        await embedder.embed(["text"])
    with pytest.raises(InferenceUnavailableError, match=url):
        await embedder.wait_ready(0.5)
    await embedder.close()


async def test_a_batch_in_many_requests(triton_url: str) -> None:
    """However a batch is split, the rows are the same."""
    texts = [f"{text} {number}" for number in range(30) for text in SENTENCES]
    whole = TritonEmbedder(triton_url, MODEL)
    pieces = TritonEmbedder(triton_url, MODEL, limits=RequestLimits(texts=7, bytes=300, in_flight=3))
    np.testing.assert_allclose(await pieces.embed(texts), await whole.embed(texts), atol=1e-5)
    await whole.close()
    await pieces.close()


async def test_a_refused_request_does_not_fail_others(triton_url: str) -> None:
    """Another client's mistake is its own, also when the server would have batched both."""
    bad = TritonEmbedder(triton_url, MODEL, limits=RequestLimits(texts=1000, bytes=10**9))
    good = [TritonEmbedder(triton_url, MODEL) for _ in range(4)]
    too_many = [f"text {number}" for number in range(400)]
    refused, *rows = await asyncio.gather(
        bad.embed(too_many), *(embedder.embed(SENTENCES) for embedder in good), return_exceptions=True
    )
    assert isinstance(refused, ConfigurationError)
    for answer in rows:
        assert isinstance(answer, np.ndarray)
        assert answer.shape == (len(SENTENCES), 384)
    for embedder in (bad, *good):
        await embedder.close()


async def test_a_cancelled_call_leaves_the_client_usable(triton_url: str) -> None:
    """A batch that is given up returns its place in the queue."""
    embedder = TritonEmbedder(triton_url, MODEL, limits=RequestLimits(texts=1, in_flight=1))
    call = asyncio.create_task(embedder.embed([f"text {number}" for number in range(50)]))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])
    async with asyncio.timeout(HUNG):
        assert len(await embedder.embed(SENTENCES)) == len(SENTENCES)
    await embedder.close()


async def test_a_killed_server(server: ServerProcess) -> None:
    """Without Triton a call ends with an error that says so; when Triton is back the same client works."""
    embedder = TritonEmbedder(server.address, MODEL, deadline=1)
    expected = await embedder.embed(SENTENCES)
    for process in processes(server):
        process.kill()
    await server.wait()
    async with asyncio.timeout(HUNG):
        with pytest.raises(InferenceUnavailableError, match=server.address):
            await embedder.embed(["text"])
    await server.start()
    await embedder.wait_ready(HUNG)
    np.testing.assert_allclose(await embedder.embed(SENTENCES), expected, atol=1e-5)
    await embedder.close()


async def test_a_restart_is_not_noticed(server: ServerProcess) -> None:
    """A call that began while Triton was away gets its answer, if Triton returns before the deadline."""
    embedder = TritonEmbedder(server.address, MODEL, deadline=HUNG)
    await embedder.wait_ready(HUNG)
    await server.stop()
    call = asyncio.create_task(embedder.embed(SENTENCES))
    await server.start()
    assert len(await call) == len(SENTENCES)
    await embedder.close()


async def test_a_server_that_hangs(server: ServerProcess) -> None:
    """A Triton that accepts requests and never answers ends in the same error, and no call waits for ever."""
    embedder = TritonEmbedder(server.address, MODEL, deadline=1, retries=RetryPolicy(attempt=0.3))
    await embedder.wait_ready(HUNG)
    for process in processes(server):
        process.suspend()
    calls = [embedder.embed([f"{text} {number}" for text in SENTENCES]) for number in range(5)]
    async with asyncio.timeout(HUNG):
        answers = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(answer, InferenceUnavailableError) for answer in answers)
    for process in processes(server):
        process.resume()
    await embedder.wait_ready(HUNG)
    await embedder.close()
