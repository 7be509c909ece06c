"""What every ModelStore must do, on the in-memory twin and on a real server; and what is loaded from it."""

from collections.abc import AsyncIterator

import numpy as np
import pytest

from profilestream.inference.codebook import Codebook
from profilestream.inference.hashing import HashEmbedder
from profilestream.inference.heads import Head
from profilestream.inference.spaces import SpaceMap
from profilestream.schemas.errors import ArtefactError, StoreUnavailableError
from profilestream.stream.store.models import (
    PREFIX,
    MemoryModelStore,
    ModelStore,
    RedisModelStore,
    codebook_name,
    head_name,
    load_models,
    map_name,
)
from profilestream.stream.store.redis import RedisStore
from tests.stream.store.cluster import store_at, url_of
from tests.stream.world import small_models

ENCODER = "hash-v1"


@pytest.fixture(params=["memory", "redis", "cluster"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Of the real server or cluster; None for the twin."""
    return url_of(request)


@pytest.fixture
async def store(url: str | None) -> AsyncIterator[ModelStore]:
    """An empty store."""
    if url is None:
        yield MemoryModelStore()
        return
    profiles = store_at(url)
    yield RedisModelStore(profiles.client)
    await profiles.close()


async def publish(store: ModelStore, encoder: str = ENCODER) -> None:
    """The small world's codebook and heads."""
    models = small_models(HashEmbedder(model=encoder))
    await store.put(codebook_name(encoder), models.codebook.to_bytes())
    for task, head in models.heads.items():
        await store.put(head_name(task, encoder), head.to_bytes())


async def test_an_artefact_comes_back_as_it_was(store: ModelStore) -> None:
    """Any bytes, under any name; the last one put is the one that is there."""
    assert await store.get("head/interest") is None
    for data in (b"\x00\xff" * 1000, b""):
        await store.put("head/interest", data)
        assert await store.get("head/interest") == data


async def test_names_are_listed_in_order(store: ModelStore) -> None:
    """So that whoever looks sees what is there."""
    assert await store.names() == []
    for name in ("head/sentiment", "codebook/a b*", "head/interest"):
        await store.put(name, b"x")
    assert await store.names() == ["codebook/a b*", "head/interest", "head/sentiment"]


async def test_everything_made_for_an_encoder_is_loaded(store: ModelStore) -> None:
    """A worker starts with the codebook and all heads of its encoder."""
    await publish(store)
    models = await load_models(store, ENCODER)
    assert models.encoder == ENCODER
    assert sorted(models.heads) == ["interest", "sentiment"]
    embeddings = await HashEmbedder().embed(["a cat"])
    expected = small_models(HashEmbedder()).understand(embeddings)
    np.testing.assert_array_equal(models.understand(embeddings).scores, expected.scores)


async def test_each_encoder_keeps_heads_of_its_own(store: ModelStore) -> None:
    """The heads of a new encoder are there before it is used, and those of the old one if it comes back."""
    await publish(store)
    await publish(store, "hash-v2")
    for encoder in (ENCODER, "hash-v2"):
        heads = (await load_models(store, encoder)).heads
        assert {task: head.encoder for task, head in heads.items()} == {"interest": encoder, "sentiment": encoder}


async def test_a_missing_codebook_says_what_to_do(store: ModelStore) -> None:
    """A worker on an empty Redis does not start with half of what it needs."""
    with pytest.raises(ArtefactError, match="profilestream prepare"):
        await load_models(store, ENCODER)


async def half(store: ModelStore, name: str) -> None:
    """Cut an artefact off in the middle."""
    whole = await store.get(name)
    assert whole is not None
    await store.put(name, whole[: len(whole) // 2])


async def test_a_broken_codebook_is_refused(store: ModelStore) -> None:
    """Half an artefact is no artefact, and there is nothing to do without it."""
    await publish(store)
    await half(store, codebook_name(ENCODER))
    with pytest.raises(ArtefactError):
        await load_models(store, ENCODER)


async def test_a_broken_head_is_left_out(store: ModelStore) -> None:
    """It keeps no worker from starting with the others."""
    await publish(store)
    await half(store, head_name("interest", ENCODER))
    assert sorted((await load_models(store, ENCODER)).heads) == ["sentiment"]


@pytest.mark.parametrize("field", ["data", "sha256"])
async def test_a_checksum_that_does_not_match_is_refused(redis_url: str, field: str) -> None:
    """Bytes that changed in Redis are not used: the name and what to do are told."""
    profiles = RedisStore.connect(redis_url)
    store = RedisModelStore(profiles.client)
    await store.put("head/interest", b"weights")
    await profiles.client.hset(PREFIX + "head/interest", field, b"0" * 64)
    with pytest.raises(ArtefactError, match=r"head/interest .* publish it again"):
        await store.get("head/interest")
    await profiles.client.hdel(PREFIX + "head/interest", "sha256")
    with pytest.raises(ArtefactError):
        await store.get("head/interest")
    await profiles.close()


async def test_without_a_server_it_is_unavailable() -> None:
    """Not an error of the model: waiting may help."""
    profiles = RedisStore.connect("redis://127.0.0.1:1/0", timeout=2.0)
    store = RedisModelStore(profiles.client)
    for call in (store.get("x"), store.put("x", b""), store.names()):
        with pytest.raises(StoreUnavailableError):
            await call
    await profiles.close()


def test_artefacts_are_bytes_that_can_be_read_back() -> None:
    """What the store keeps is what heads and codebooks are made of."""
    models = small_models(HashEmbedder())
    head = models.heads["interest"]
    assert Head.from_bytes(head.to_bytes()).labels == head.labels
    np.testing.assert_array_equal(Codebook.from_bytes(models.codebook.to_bytes()).codes, models.codebook.codes)


async def test_maps_are_chained_to_the_encoder_in_use(store: ModelStore) -> None:
    """A profile that slept through two fine-tunes is carried over both; a broken map is left out, the rest work."""
    await publish(store)
    matrices = {("v0", "v1"): 2.0, ("v1", ENCODER): 3.0, (ENCODER, "v9"): 5.0}
    for (source, target), factor in matrices.items():
        way = SpaceMap(
            source=source, target=target, matrix=factor * np.eye(8, dtype=np.float32), penalty=1.0, anchors=10
        )
        await store.put(map_name(source, target), way.to_bytes())
    await store.put(map_name("v7", ENCODER), b"rubbish")
    ways = (await load_models(store, ENCODER)).ways
    assert {name: float(way.matrix[0, 0]) for name, way in ways.items()} == {"v0": 6.0, "v1": 3.0}
