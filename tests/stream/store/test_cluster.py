"""A cluster whose nodes die, take over from each other and hand slots on: what it lost is noticed, and read again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager

import pytest

from profilestream.deploy.local.valkey import supported
from profilestream.inference.retry import until_available
from profilestream.schemas.errors import LostWritesError, StoreUnavailableError
from profilestream.stream.store.base import Stored, Write
from profilestream.stream.store.cluster import ClusterStore
from profilestream.stream.store.groups import group_of, groups
from profilestream.stream.worker.status import publish_status, read_statuses
from tests.conftest import skip_if
from tests.stream.store.cluster import Node, SmallCluster, until

USERS = [f"user{number}" for number in range(300)]
MARK = "user-events-0"


@pytest.fixture(scope="module")
def unused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[SmallCluster]]:
    """Clusters to be broken: two primaries, and a node that has no part in it yet. All start at once: each waits."""
    skip_if(supported())
    clusters = [SmallCluster(tmp_path_factory.mktemp("cluster"), primaries=2, empty=1) for _ in range(5)]

    async def all_of(works: Iterable[Awaitable[None]]) -> None:
        await asyncio.gather(*works)

    try:
        asyncio.run(all_of(each.start() for each in clusters))
        yield clusters[:]
    finally:
        asyncio.run(all_of(each.stop() for each in clusters))


@pytest.fixture
def small(unused: list[SmallCluster]) -> SmallCluster:
    """One that no other test uses."""
    return unused.pop()


@asynccontextmanager
async def connected(cluster: SmallCluster) -> AsyncIterator[ClusterStore]:
    """A store that has read its watermarks."""
    store = ClusterStore.connect(cluster.url)
    await store.watermarks()
    yield store
    await store.close()


async def fill(store: ClusterStore) -> None:
    """A profile of every user, and a watermark."""
    assert all(await store.save([Write(user, 0, user.encode()) for user in USERS]))
    await store.save_watermarks({MARK: 100})


def of(cluster: SmallCluster, node: Node) -> list[str]:
    """The users whose profile is on this node."""
    return [user for user in USERS if cluster.owner(groups()[group_of(user)].slot) is node]


async def refused(store: ClusterStore, user: str) -> None:
    """All that concerns this user's group, until the watermarks are read again."""
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: store.load([user]),
        lambda: store.save([Write(user, 1, b"next")]),
        lambda: store.save_watermarks({MARK: 300}),
        store.check,
    ]
    for call in calls:
        # Whoever held a connection to a server that is gone is told first that it does not answer, as by one server.
        with pytest.raises(LostWritesError):
            await until_available(call, "store")


async def test_a_node_that_comes_back_empty_is_noticed(small: SmallCluster) -> None:
    """Nothing is written to it; then its groups have no watermark, so everything is to be read again."""
    async with connected(small) as store:
        await fill(store)
        assert await store.watermarks() == {MARK: 100}
        lost, kept = of(small, small.nodes[0]), of(small, small.nodes[1])
        await small.nodes[0].kill()
        with pytest.raises(StoreUnavailableError):
            await store.load(USERS)
        await small.nodes[0].start()
        await small.agreed()
        await refused(store, lost[0])
        assert await store.watermarks() == {}
        assert not any(await store.load(lost))
        assert await store.load(kept) == [Stored(1, user.encode()) for user in kept]
        # Nobody needs to have been there; nor does it matter how far somebody came who began to set them.
        async with connected(small) as later:
            assert await later.peek_watermarks() == await later.watermarks() == {}
            for group in groups()[:-1]:
                await later.client.hset(group.watermarks, MARK, "50")
            assert await later.watermarks() == {MARK: 50}  # the last one, on the other node, still says 100
            await later.client.hdel(groups()[3].watermarks, MARK)
            assert await later.watermarks() == {}


async def test_a_replica_that_missed_writes_and_takes_over_is_noticed(small: SmallCluster) -> None:
    """What it has is consistent: the watermarks that it kept are of the profiles that it kept."""
    async with replicated(small) as (store, user, slot):
        primary, _, replica = small.nodes
        await primary.kill()
        await replica.take_over()
        await until(lambda: small.owner(slot, replica) is replica)
        await refused(store, user)
        assert await store.watermarks() == {MARK: 100}
        assert await store.load([user]) == [Stored(1, user.encode())]


async def test_a_primary_that_was_replaced_and_came_back_is_noticed(small: SmallCluster) -> None:
    """It is the same process as before, with connections that never broke, and lacks what it had acknowledged."""
    async with replicated(small) as (store, user, slot):
        primary, _, replica = small.nodes
        process = primary.admin.info("server")["run_id"]
        await replica.take_over()
        await small.synchronised(primary)
        await primary.take_over("")
        await until(lambda: all(small.owner(slot, node) is primary for node in small.nodes))
        assert primary.admin.info("server")["run_id"] == process
        await refused(store, user)
        assert await store.watermarks() == {MARK: 100}
        assert await store.load([user]) == [Stored(1, user.encode())]


@asynccontextmanager
async def replicated(small: SmallCluster) -> AsyncIterator[tuple[ClusterStore, str, int]]:
    """A store, and a user (with the slot) whose last write, and the last watermark, the primary's replica missed."""
    primary, _, replica = small.nodes
    await small.replicate(replica, primary)
    async with connected(small) as store:
        await fill(store)
        assert await asyncio.to_thread(primary.admin.wait, 1, 10_000) == 1
        await replica.cut_off()
        user = of(small, primary)[0]
        assert await store.save([Write(user, 1, b"two")]) == [True]
        await store.save_watermarks({MARK: 200})
        yield store, user, groups()[group_of(user)].slot


async def test_slots_of_a_dead_node_that_another_gets_are_noticed(small: SmallCluster) -> None:
    """As `--cluster fix` gives them away, without what was in them: to a node that we know in this life."""
    dead, heir, _ = small.nodes
    async with connected(small) as store:
        await fill(store)
        user = of(small, dead)[0]
        await dead.kill()
        heir.inherit()
        await until(lambda: small.owner(groups()[group_of(user)].slot, heir) is heir)
        await refused(store, user)
        assert await store.watermarks() == {}
        assert await store.load([user]) == [None]


async def test_a_slot_that_comes_without_its_watermarks_is_noticed(cluster: SmallCluster) -> None:
    """Its node is there and says itself who has the slot now, as one that was away while it was given to another."""
    async with connected(cluster) as store:
        await fill(store)
        user = USERS[0]
        slot = groups()[group_of(user)].slot
        source = cluster.owner(slot)
        target = next(node for node in cluster.nodes if node is not source)
        source.admin.delete(*source.admin.execute_command("CLUSTER GETKEYSINSLOT", slot, 1000))
        cluster.move_ends(slot, source, target)
        await refused(store, user)
        await until(lambda: all(cluster.owner(slot, node) is target for node in cluster.nodes))
        assert await store.watermarks() == {}
        assert await store.load([user]) == [None]


async def test_profiles_are_read_and_written_while_their_slot_moves(cluster: SmallCluster) -> None:
    """Key by key: each profile is found where it is, before and after, and nothing has to be read again."""
    assert await moved(cluster, cluster.nodes[0], cluster.nodes[1]) == 0


async def test_profiles_are_read_and_written_while_their_slot_moves_to_a_new_node(small: SmallCluster) -> None:
    """Also to one that has no other slot, so that no topology names it: then it is read again, once."""
    assert await moved(small, *small.nodes[1:]) == 1


async def moved(cluster: SmallCluster, source: Node, target: Node) -> int:
    """Move a slot to another node, and look at its profiles all the time; how often the watermarks were to be read."""
    async with connected(cluster) as store:
        await fill(store)
        group = groups()[group_of(of(cluster, source)[0])]
        users = [user for user in USERS if groups()[group_of(user)] == group]
        cluster.move_begins(group.slot, source, target)
        assert cluster.move_some(group.slot, source, target, 2) == 2
        replays = await change(store, users, b"one")
        assert await store.load(["nobody"]) == [None]
        await store.save_watermarks({MARK: 120})
        assert await store.watermarks() == {MARK: 120}
        cluster.move_some(group.slot, source, target)
        cluster.move_ends(group.slot, source, target)
        replays += await change(store, users, b"two")
        assert await store.watermarks() == {MARK: 120}
        assert {user async for user in store.users()} == set(USERS)
        return replays


async def change(store: ClusterStore, users: list[str], state: bytes) -> int:
    """As a worker does: read profiles and write them, from the watermarks on where writes may be lost; how often."""
    try:
        found = await store.load(users)
        assert all(found)
        writes = [Write(user, known.revision, state) for user, known in zip(users, found, strict=True) if known]
        assert all(await store.save(writes))
    except LostWritesError:
        assert MARK in await store.watermarks()
        return 1 + await change(store, users, state)
    assert {known.state for known in await store.load(users) if known} == {state}
    return 0


async def test_what_lies_beside_profiles_is_found_on_all_nodes(cluster: SmallCluster) -> None:
    """Workers' states are read together, wherever they are; none is taken for a user."""
    store = ClusterStore.connect(cluster.nodes[2].url)
    await asyncio.gather(*(publish_status(store.client, role, {"role": role}) for role in ("worker", "learner")))
    assert [said["role"] for said in (await read_statuses(store.client)).values()] == ["worker"]
    assert [user async for user in store.users()] == []
    await store.close()
