"""Workers follow the pointer: a new encoder comes into use whole or not at all, without a restart."""

import asyncio
import time

import numpy as np
import pytest
from structlog.testing import capture_logs

from profilestream.inference.hashing import HashEmbedder
from profilestream.inference.heads import Head
from profilestream.inference.names import codebook_name, head_name, map_name, release, release_name
from profilestream.inference.pointer import POINTER, Pointer
from profilestream.inference.pool import EncoderPool
from profilestream.inference.spaces import SpaceMap
from profilestream.schemas.errors import ArtefactError
from profilestream.schemas.events import ModelEvent
from profilestream.stream.store.models import MemoryModelStore
from profilestream.stream.worker.models import CurrentModels
from tests.stream.world import small_models

V1, V2 = "hash-v1", "hash-v2"


def moved() -> ModelEvent:
    """The word that the pointer moved."""
    return ModelEvent(kind="encoder", name=V2, version=1, location=V2, sha256="", time=round(time.time() * 1000))


class Place:
    """A store with a first encoder, and a worker's models."""

    def __init__(self) -> None:
        self.store = MemoryModelStore()
        self.encoders = {name: HashEmbedder(model=name) for name in (V1, V2)}
        self.pool = EncoderPool(self.encoders.__getitem__)
        self.models = CurrentModels(self.store, V1, self.pool)

    async def release(self, encoder: str, *, without: str | None = None) -> None:
        """Everything that goes with an encoder."""
        models = small_models(HashEmbedder(model=encoder))
        await self.store.put(codebook_name(encoder), models.codebook.to_bytes())
        for task, head in models.heads.items():
            if task != without:
                await self.store.put(head_name(task, encoder), head.to_bytes())
        await self.store.put(release_name(encoder), release(list(models.heads)))

    async def point(self, champion: str, canary: str | None = None, share: float = 0.0) -> None:
        """Flip the pointer."""
        await self.store.put(POINTER, Pointer(1, champion, canary, share).to_bytes())


@pytest.fixture
async def place() -> Place:
    """With the first encoder in use."""
    here = Place()
    await here.release(V1)
    await here.models.load()
    return here


async def test_the_pointer_is_followed(place: Place) -> None:
    """Codebook, heads and encoder are swapped at once; the old connection is closed, and back again."""
    await place.release(V2)
    await place.point(V2)
    await place.models.take(moved())
    assert place.models().encoder == V2
    assert {head.encoder for head in place.models().heads.values()} == {V2}
    assert list(place.pool.served) == [V2]
    await place.point(V1)
    await place.models.follow()
    assert place.models().encoder == V1
    assert list(place.pool.served) == [V1]


async def test_a_worker_starts_where_the_pointer_points(place: Place) -> None:
    """A new worker does not begin with the encoder of the settings."""
    await place.release(V2)
    await place.point(V2)
    late = CurrentModels(place.store, V1, place.pool)
    await late.load()
    assert late().encoder == V2


@pytest.mark.parametrize("missing", ["interest", "sentiment", "codebook", "encoder"])
async def test_half_a_release_does_not_come_into_use(place: Place, missing: str) -> None:
    """A head, the codebook or the model is not there: the old one stays, said once; later it goes on by itself."""
    if missing != "codebook":
        await place.release(V2, without=missing)
    if missing == "encoder":
        place.encoders[V2].fail()
    await place.point(V2)
    with capture_logs() as logs:
        await place.models.follow()
        await place.models.follow()
    assert place.models().encoder == V1
    assert [entry["log_level"] for entry in logs] == ["error"]
    await place.release(V2)
    place.encoders[V2].recover()
    await place.models.follow()
    assert place.models().encoder == V2


async def test_a_damaged_pointer_changes_nothing(place: Place) -> None:
    """Nobody stops working for it."""
    await place.store.put(POINTER, b"{")
    await place.models.follow()
    assert place.models().encoder == V1


async def test_a_canary_comes_beside_the_champion(place: Place) -> None:
    """Its users are those of the share; when it ends, everybody is the champion's."""
    await place.release(V2)
    await place.point(V1, V2, 0.5)
    await place.models.follow()
    serving = place.models.serving()
    assert serving.encoders == [V1, V2]
    assert 100 < sum(serving.tries(f"user-{n}") for n in range(400)) < 300
    await place.point(V1)
    await place.models.follow()
    assert place.models.serving().candidate is None
    assert list(place.pool.served) == [V1]


async def test_a_canary_that_cannot_be_loaded_is_left_out(place: Place) -> None:
    """Its users stay with the champion until it can."""
    await place.release(V2)
    place.encoders[V2].fail()
    await place.point(V1, V2, 0.5)
    await place.models.follow()
    assert place.models.serving().encoders == [V1]
    place.encoders[V2].recover()
    await place.models.follow()
    assert place.models.serving().encoders == [V1, V2]


async def test_heads_go_to_the_encoder_they_were_made_for(place: Place) -> None:
    """A head of the candidate's does not replace the champion's."""
    await place.release(V2)
    await place.point(V1, V2, 0.5)
    await place.models.follow()
    old = place.models.serving().candidate
    assert old
    head = old.heads["interest"]
    newer = Head(task="interest", version=5, encoder=V2, labels=head.labels, weights=head.weights, bias=head.bias)
    await place.store.put(head_name("interest", V2), newer.to_bytes())
    await place.models.take(
        ModelEvent(kind="head", name="interest", version=5, location=head_name("interest", V2), sha256="", time=0)
    )
    serving = place.models.serving()
    assert serving.candidate
    assert (serving.champion.heads["interest"].version, serving.candidate.heads["interest"].version) == (1, 5)


async def test_maps_come_with_the_release(place: Place) -> None:
    """Stored vectors of the old encoder can be carried over from the first batch on."""
    await place.release(V2)
    way = SpaceMap(source=V1, target=V2, matrix=np.eye(8, dtype=np.float32), penalty=0.1, anchors=1)
    await place.store.put(map_name(V1, V2), way.to_bytes())
    await place.point(V2)
    await place.models.follow()
    assert list(place.models().ways) == [V1]


async def test_a_batch_that_began_before_finishes_with_the_old_one(place: Place) -> None:
    """The old encoder is closed only when nobody waits for it."""
    old = place.models()
    place.encoders[V1].hang()
    working = asyncio.create_task(place.pool(old.encoder).embed(["begun before"]))
    await asyncio.sleep(0)
    await place.release(V2)
    await place.point(V2)
    await place.models.follow()
    place.encoders[V1].recover()
    assert old.understand(await working).scores.shape == (1, 2)


async def test_without_models_there_is_nothing_to_understand_with() -> None:
    """Said, not guessed."""
    with pytest.raises(ArtefactError, match="not loaded"):
        Place().models()
