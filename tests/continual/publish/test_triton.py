"""Publishing on a real Triton while requests run: nothing fails, and nothing but whole models answers."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from profilestream.deploy.local import triton
from profilestream.deploy.local.process import Server, start_on_free_ports
from profilestream.deploy.local.stack import Encoder, triton_server
from profilestream.inference.client import TritonEmbedder
from profilestream.inference.control import TritonModels
from profilestream.inference.embedder import Embeddings
from profilestream.inference.local import LocalEmbedder
from profilestream.inference.pool import EncoderPool
from profilestream.inference.retry import RetryPolicy
from profilestream.schemas.errors import ArtefactError, InferenceUnavailableError
from profilestream.stream.store.models import MemoryModelStore
from profilestream.stream.worker.models import CurrentModels
from tests.conftest import running, skip_if
from tests.continual.publish.world import BASE, TEXTS, World, bundle, copy_export, damage

V2 = "encoder-v2"
ONCE = RetryPolicy(attempt=30.0, first_pause=1e9, longest_pause=1e9)  # a request that fails is not made again


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the models are."""
    return tmp_path_factory.mktemp("published")


@pytest.fixture(scope="module")
def url(folder: Path, data_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Triton that serves the first encoder."""
    skip_if(triton.supported())
    environment = triton.prepare_environment(data_home)
    copy_export(World(folder).source(1), folder / "models", BASE, lambda _: None)

    encoder = Encoder(repository=folder / "models", models=[BASE])
    with running(lambda: triton_server(environment, encoder), tmp_path_factory.mktemp("triton")) as address:
        yield address


@pytest.fixture
async def world(folder: Path, url: str) -> AsyncIterator[World]:
    """A deployment on it."""
    server = TritonModels(url)
    yield await World(folder, server=server).prepare()
    await server.close()


@dataclass
class Load:
    """Requests without a pause, each to the model that the pointer names, each answer compared with the exact one.

    Attributes:
        answers: How many exact answers each model gave.
        wrong: Answers that are no model's.
        failed: Requests that got none.
    """

    models: CurrentModels
    encoders: EncoderPool
    exact: dict[str, Embeddings] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    failed: int = 0

    async def ask(self) -> None:
        """For ever."""
        user = 0
        while True:
            user += 1
            await self.models.follow()
            serving = self.models.serving()
            chosen = serving.candidate if serving.tries(f"user-{user}") else serving.champion
            assert chosen
            try:
                rows = await self.encoders(chosen.encoder).embed(TEXTS)
            except InferenceUnavailableError:
                self.failed += 1
                continue
            if np.allclose(rows, self.exact[chosen.encoder], atol=1e-5):
                self.answers[chosen.encoder] += 1
            else:
                self.wrong += 1

    async def until(self, model: str, more: int = 20) -> None:
        """Wait until a model gave some more answers."""
        wanted = self.answers[model] + more
        async with asyncio.timeout(60):
            while self.answers[model] < wanted:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def load(world: World, url: str) -> AsyncIterator[Load]:
    """Several clients at once, for as long as the block runs."""
    encoders = EncoderPool(lambda model: TritonEmbedder(url, model, retries=ONCE))
    models = CurrentModels(world.store, BASE, encoders)
    await models.load()
    asking = Load(models, encoders)
    for model in (BASE, V2):
        copy = copy_of(world, model)
        asking.exact[model] = await copy.embed(TEXTS)
        await copy.close()
    tasks = [asyncio.create_task(asking.ask()) for _ in range(3)]
    try:
        yield asking
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await encoders.close()


def copy_of(world: World, model: str) -> LocalEmbedder:
    """The same weights in this process."""
    seed = {BASE: 1, V2: 2}[model]
    elsewhere = world.folder / "exact"
    copy_export(world.source(seed), elsewhere, model, lambda _: None)
    return LocalEmbedder(elsewhere / model)


async def test_publishing_under_load(world: World, url: str) -> None:
    """Published, tried, promoted, rolled back while clients ask without a pause: none fails, whole models answer."""
    publisher = world.publisher()
    async with load(world, url) as asking:
        await asking.until(BASE)
        assert await world.staged(publisher) == V2
        assert asking.answers[V2] == 0
        await publisher.canary(V2, 0.5)
        await asking.until(V2)
        await asking.until(BASE)
        await publisher.promote(V2)
        await asking.until(V2, 50)
        before = asking.answers[BASE]
        await asking.until(V2, 50)
        assert asking.answers[BASE] == before
        await publisher.rollback()
        await asking.until(BASE, 50)
        assert (asking.failed, asking.wrong) == (0, 0)
    assert await publisher._server.loaded() >= {BASE, V2}


@pytest.mark.parametrize("name", ["1/model.onnx", "1/model.py", "manifest.json"])
async def test_triton_does_not_load_half_a_model(world: World, name: str) -> None:
    """Even past our own check: the model looks at its files itself, and Triton says that it cannot be loaded."""
    model = f"half-{name.rpartition('/')[2].partition('.')[0]}"
    copy_export(world.source(4), world.repository, model, lambda _: None)
    damage(world.repository / model / name)
    server = world.server
    assert isinstance(server, TritonModels)
    with pytest.raises(ArtefactError, match=f"cannot load {model}"):
        await server.load(model)
    assert model not in await server.loaded()


async def test_triton_comes_back_alone(tmp_path: Path, data_home: Path) -> None:
    """Restarted as the README has it, it serves all that is published without being told, beside half a model."""
    skip_if(triton.supported())
    here = World(tmp_path)
    for model, seed in ((BASE, 1), (V2, 2), ("half", 4)):
        copy_export(here.source(seed), here.repository, model, lambda _: None)
    damage(here.repository / "half" / "1" / "model.onnx")
    environment = triton.prepare_environment(data_home)

    def plan() -> Server:
        server = triton_server(environment, Encoder(repository=here.repository, models=["*"]))
        return replace(server, command=(*server.command, "--exit-on-error=false", "--strict-readiness=false"))

    process = await start_on_free_ports(plan, tmp_path / "log")
    server = TritonModels(process.address)
    try:
        assert await server.loaded() == {BASE, V2}
    finally:
        await server.close()
        await process.stop()


async def test_a_refused_candidate_is_unloaded(world: World) -> None:
    """It gives its memory back, and its weights are gone."""
    world.store = MemoryModelStore()
    here = await World(world.folder, server=world.server).prepare()
    publisher = here.publisher()
    version = await publisher.write(here.source(9))
    await publisher.equip(version.name, bundle(version.name, champion=(await publisher.champion()).name))
    assert (await publisher.load(version.name)).state == "loaded"
    assert version.name in await publisher._server.loaded()
    assert (await publisher.warm(version.name)).state == "warm"
    await publisher.refuse(version.name, "the gate says no")
    assert version.name not in await publisher._server.loaded()
    assert not (here.repository / version.name).exists()


async def test_without_a_server_it_is_unavailable() -> None:
    """Not the candidate's fault: it is not refused."""
    server = TritonModels("127.0.0.1:1")
    for call in (server.loaded(), server.load("x"), server.unload("x")):
        with pytest.raises(InferenceUnavailableError, match="does not take models"):
            await call
    await server.close()
