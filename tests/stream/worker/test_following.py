"""A worker on real servers goes to another encoder and back while events come, and is never restarted."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest

from profilestream.inference.hashing import HashEmbedder
from profilestream.inference.names import codebook_name, head_name, map_name, release, release_name
from profilestream.inference.pointer import POINTER, Pointer
from profilestream.inference.pool import EncoderPool
from profilestream.inference.spaces import SpaceMap
from profilestream.schemas.codec import decode_update
from profilestream.schemas.events import ModelEvent
from profilestream.schemas.wire import Wire
from profilestream.stream.engine.ports import Outgoing
from profilestream.stream.kafka.sink import KafkaSink
from profilestream.stream.store.models import RedisModelStore
from profilestream.stream.worker.worker import run_worker
from tests.stream.worker.place import ENCODER, Place, make_place, until
from tests.stream.world import LAYOUT, event, small_models

V2 = "hash-v2"
USERS = [f"user{number}" for number in range(12)]


@pytest.fixture
async def place(embedded_kafka: str, redis_url: str, unique: Callable[[str], str]) -> Place:
    """With the first encoder's models, and a second one released beside it."""
    here = make_place(embedded_kafka, redis_url, unique)
    await here.prepare()
    store = here.store()
    models, target = small_models(HashEmbedder(model=V2)), RedisModelStore(store.client)
    await target.put(codebook_name(V2), models.codebook.to_bytes())
    for task, head in models.heads.items():
        await target.put(head_name(task, V2), head.to_bytes())
    eye = np.eye(LAYOUT.dimensions, dtype=np.float32)
    for source, goal in ((ENCODER, V2), (V2, ENCODER)):
        way = SpaceMap(source=source, target=goal, matrix=eye, penalty=0.1, anchors=1)
        await target.put(map_name(source, goal), way.to_bytes())
    await target.put(release_name(V2), release(list(models.heads)))
    await store.close()
    return here


async def point(place: Place, champion: str, *, tell: bool) -> None:
    """Flip the pointer; workers hear of it, or find out by themselves."""
    store = place.store()
    await RedisModelStore(store.client).put(POINTER, Pointer(1, champion).to_bytes())
    await store.close()
    if tell:
        moved = ModelEvent(
            kind="encoder", name=champion, version=1, location=champion, sha256="", time=time.time_ns() // 10**6
        )
        sink = await KafkaSink.connect(place.connection)
        await sink.publish([Outgoing(place.options.model_events, champion.encode(), Wire().encode(moved))])
        await sink.close()


async def versions(place: Place) -> list[str]:
    """The encoder of the last update of each user."""
    last: dict[str, str] = {}
    for record in await place.messages(place.options.outputs.updates):
        last[record.key.decode()] = decode_update(record.value).model_version
    return sorted(set(last.values()))


async def test_a_worker_goes_to_another_encoder_and_back(place: Place) -> None:
    """Told of it, and not told of it: updates carry the encoder in use, and every event counts once."""
    stop, sent = asyncio.Event(), 0
    encoders = EncoderPool.of(HashEmbedder(), HashEmbedder(model=V2))
    worker = asyncio.create_task(
        run_worker(place.options, connection=place.connection, store=place.store(), encoders=encoders, stop=stop)
    )

    async def send_until(model: str) -> None:
        nonlocal sent

        async def answered() -> bool:
            nonlocal sent
            if worker.done():
                worker.result()
            await place.send(*[event(sent + number, user) for number, user in enumerate(USERS)])
            sent += len(USERS)
            return await versions(place) == [model]

        await until(answered)

    try:
        await send_until(ENCODER)
        await point(place, V2, tell=True)
        await send_until(V2)
        await point(place, ENCODER, tell=False)
        await send_until(ENCODER)

        async def all_there() -> bool:
            return sum(await place.counts(*USERS)) == sent

        await until(all_there)
    finally:
        stop.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(worker, 30)
    assert await place.counts(*USERS) == [sent // len(USERS)] * len(USERS)
