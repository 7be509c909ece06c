"""The sweep carries every profile over once, beside live workers, and loses nothing of theirs."""

from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from profilestream.inference.hashing import HashEmbedder
from profilestream.inference.spaces import Way
from profilestream.stream.profile.state import decode_states, models_of
from profilestream.stream.recovery.comparison import Updates, compare
from profilestream.stream.store.base import ProfileStore, Write
from profilestream.stream.store.memory import MemoryStore
from profilestream.stream.sweep import Sweep
from tests.stream.store.cluster import store_at, url_of
from tests.stream.world import LAYOUT, World, event, small_models

OLD, NEW = "hash-v1", "hash-v2"
MATRIX = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0]
WAYS = {OLD: Way(MATRIX)}
USERS = [f"user{number}" for number in range(20)]


@pytest.fixture(params=["memory", "redis", "cluster"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Of the real server or cluster; None for the twin."""
    return url_of(request)


@pytest.fixture
async def world(url: str | None) -> AsyncIterator[World]:
    """Twenty users with a profile each, by the old encoder."""
    store = store_at(url) if url else MemoryStore()
    world = World(store=store)
    world.send(*[event(number, user) for number in range(3) for user in USERS])
    await world.engine().run()
    yield world
    await store.close()


def use_new_encoder(world: World, ways: dict[str, Way]) -> None:
    """From now on the world's workers use the new encoder, and these ways to it."""
    world.embedder = HashEmbedder(model=NEW)
    world.models = replace(small_models(world.embedder), ways=ways)


async def states(store: ProfileStore) -> list[bytes]:
    """Of all users."""
    return [value.state for value in await store.load(USERS) if value]


async def test_everything_is_carried_over_once(world: World) -> None:
    """Vectors by the map, all else and the revisions as they were; a second run finds nothing to do."""
    before, revisions = await states(world.store), [v and v.revision for v in await world.store.load(USERS)]
    done: list[tuple[int, int]] = []
    swept = await Sweep(world.store, LAYOUT, NEW, WAYS).run(lambda some, of: done.append((some, of)))
    assert (swept.seen, swept.moved, swept.alone) == (20, 20, 0)
    assert done == [(0, 20), (20, 20)]
    old, new = decode_states(before, LAYOUT, OLD), decode_states(await states(world.store), LAYOUT, NEW)
    assert_allclose(new.vector, old.vector @ MATRIX, atol=0.01)
    assert_allclose(new.codes.vector, old.codes.vector @ MATRIX, atol=0.01)
    assert_allclose(new.labels, old.labels)
    assert [v and v.revision for v in await world.store.load(USERS)] == revisions
    again = await Sweep(world.store, LAYOUT, NEW, WAYS).run()
    assert (again.moved, again.current) == (0, 20)


async def test_verify_does_not_take_a_swept_profile_for_a_wrong_one(world: World) -> None:
    """The updates have the older space's vectors; the rest must still agree, byte for byte."""
    updates = Updates()
    await updates.take([(message.key, message.value) for message in world.log.messages("profile-updates")])

    async def nothing_new() -> None: ...

    await Sweep(world.store, LAYOUT, NEW, WAYS).run()
    assert await compare(world.store, updates, nothing_new, between=0.0) == []
    stored = (await world.store.load(["user3"]))[0]
    other = (await world.store.load(["user4"]))[0]
    assert stored
    assert other
    await world.store.save([Write("user3", stored.revision, other.state, stored.revision)])
    assert [d.user for d in await compare(world.store, updates, nothing_new, between=0.0)] == ["user3"]


async def test_an_unknown_encoder_is_left_alone_and_told(world: World) -> None:
    """No byte changes; on demand its vectors are dropped, so that they can grow anew, and nothing else is."""
    before = await states(world.store)
    swept = await Sweep(world.store, LAYOUT, "hash-v9", {}).run()
    assert (swept.moved, swept.alone, swept.unknown) == (0, 20, {OLD: 20})
    assert await states(world.store) == before
    swept = await Sweep(world.store, LAYOUT, "hash-v9", {}, start_afresh=True).run()
    assert swept.fresh == 20
    after = await states(world.store)
    assert set(models_of(after)) == {"hash-v9"}
    table = decode_states(after, LAYOUT, "hash-v9")
    assert not table.vector.any()
    assert table.events.tolist() == [3] * 20


class Interrupting(MemoryStore):
    """Somebody else writes a profile between every look and the write that follows from it."""

    def __init__(self, inner: MemoryStore, times: int) -> None:
        super().__init__(inner._server)
        self.times = times

    async def save(self, writes):
        """As a live worker would get in between."""
        if self.times:
            self.times -= 1
            stored = self.profiles[writes[0].user]
            await super().save([Write(writes[0].user, stored.revision, stored.state)])
        return await super().save(writes)


@pytest.mark.parametrize("times", [1, 3, 50])
async def test_no_update_of_a_worker_is_lost(times: int) -> None:
    """A worker that is quicker wins, and the profile is looked at again; one that never rests is left to itself."""
    inner = MemoryStore()
    world = World(store=inner)
    world.send(*[event(number, user) for number in range(3) for user in USERS])
    await world.engine().run()
    before = {user: value.revision for user, value in inner.profiles.items()}
    store = Interrupting(inner, times)
    swept = await Sweep(store, LAYOUT, NEW, WAYS).run()
    interrupted = times - store.times
    assert swept.raced == interrupted
    assert sum(value.revision - before[user] for user, value in inner.profiles.items()) == interrupted
    assert swept.moved == (20 if times < 5 else 19)


async def test_workers_carry_over_what_they_touch(world: World) -> None:
    """Before, during or after a sweep: events count once, in the new space, and old vectors are not lost."""
    old = decode_states(await states(world.store), LAYOUT, OLD)
    use_new_encoder(world, WAYS)
    world.send(event(7, "user1", text=None, type="click"))
    await world.engine().run()
    assert models_of(await states(world.store)).count(NEW) == 1
    await Sweep(world.store, LAYOUT, NEW, WAYS).run()
    new = decode_states(await states(world.store), LAYOUT, NEW)
    assert_allclose(new.vector, old.vector @ MATRIX, atol=0.02)
    assert new.events.tolist() == [3, 4, *[3] * 18]


async def test_workers_never_mix_two_spaces(world: World) -> None:
    """Without a map the event counts, its vector does not: what is stored waits for the map, decayed as it should."""
    old = decode_states(await states(world.store), LAYOUT, OLD)
    use_new_encoder(world, {})
    world.send(event(7, "user1"))
    await world.engine().run()
    values = await states(world.store)
    assert set(models_of(values)) == {OLD}
    kept = decode_states(values, LAYOUT, OLD)
    assert_allclose(kept.vector, old.vector, atol=0.01)
    assert kept.events.tolist() == [3, 4, *[3] * 18]
