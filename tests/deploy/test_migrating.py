"""`profilestream models migrate` on a real store."""

import numpy as np
from numpy.testing import assert_allclose

from profilestream.deploy.migrating import migrate
from profilestream.deploy.settings import Settings
from profilestream.inference.spaces import SpaceMap
from profilestream.stream.profile.layout import Layout
from profilestream.stream.profile.state import decode_states, encode_states
from profilestream.stream.store.base import Write
from profilestream.stream.store.models import RedisModelStore, map_name
from profilestream.stream.store.redis import RedisStore
from tests.stream.profile.made_up import START, profile_of


async def test_profiles_are_carried_over_by_the_maps_in_the_store(redis_url: str) -> None:
    """Over two fine-tunes at once; those of an unknown encoder are counted, and dropped only when asked for."""
    settings = Settings(redis_url=redis_url)
    store, layout = RedisStore.connect(redis_url), Layout()
    profile = profile_of([START + n for n in range(9)], layout)
    for user, model in (("ada", "v1"), ("bob", "v2"), ("eve", "unknown")):
        (state,) = encode_states(profile, model, np.ones(1, np.uint64))
        await store.save([Write(user, 0, state)])
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(192, 192)))[0].astype(np.float32)
    for source, target in (("v1", "v2"), ("v2", "v3")):
        way = SpaceMap(source=source, target=target, matrix=turn, penalty=1.0, anchors=9)
        await RedisModelStore(store.client).put(map_name(source, target), way.to_bytes())
    seen: list[tuple[int, int]] = []
    swept = await migrate(settings, "v3", lambda done, of: seen.append((done, of)))
    assert (swept.moved, swept.unknown, seen[-1]) == (2, {"unknown": 1}, (3, 3))
    values = [value and value.state for value in await store.load(["ada", "bob"])]
    vectors = decode_states(values, layout, "v3").vector
    for row, way in enumerate((turn @ turn, turn)):
        assert_allclose(vectors[row], profile.vector[0] @ way.astype(np.float64), atol=0.05)
    again = await migrate(settings, "v3", lambda _done, _of: None, start_afresh=True)
    assert (again.moved, again.current, again.fresh) == (0, 2, 1)
    await store.close()
