"""A worker on a real cluster: every event once, although nodes forget and slots move."""

import asyncio
from collections.abc import Iterator

import pytest

from profilestream.deploy.local.valkey import supported
from profilestream.schemas.errors import LostWritesError
from profilestream.stream.store.groups import groups
from tests.conftest import skip_if
from tests.stream.store.cluster import Node, SmallCluster
from tests.stream.worker.place import Place, Worker, make_place, until, working
from tests.stream.world import event

USERS = [f"user{number}" for number in range(40)]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCluster]:
    """Two primaries."""
    skip_if(supported())
    cluster = SmallCluster(tmp_path_factory.mktemp("cluster"), primaries=2)
    try:
        asyncio.run(cluster.start())
        yield cluster
    finally:
        asyncio.run(cluster.stop())


@pytest.fixture
async def place(embedded_kafka: str, nodes: SmallCluster, unique) -> Place:
    """Topics, group and models of this test."""
    nodes.empty()
    place = make_place(embedded_kafka, nodes.url, unique)
    await place.prepare()
    return place


def events(count: int, first: int = 0):
    """Events of all users in turn."""
    return [event(number, USERS[number % len(USERS)]) for number in range(first, first + count)]


async def reaches(place: Place, count: int, worker: Worker) -> None:
    """Wait until so many events are in the profiles."""

    async def reached() -> bool:
        return sum(await place.counts(*USERS)) >= count

    await until(reached, worker)


async def test_what_a_node_forgot_is_made_again(place: Place, nodes: SmallCluster) -> None:
    """Killed, and back without its profiles: the worker ends and says why, the next one reads again what it lacks."""
    await place.send(*events(200))
    async with working(place) as worker:
        await reaches(place, 200, worker)
        await nodes.nodes[0].kill()
        await nodes.nodes[0].start()
        await nodes.agreed()
        await place.publish_models()
        await place.send(*events(80, first=200))
        async with asyncio.timeout(30):
            with pytest.raises(LostWritesError):
                await worker.task
    assert 0 < sum(await place.counts(*USERS)) < 200
    async with working(place) as worker:
        await reaches(place, 280, worker)
        said = await worker.stop()
    assert await place.counts(*USERS) == [7] * 40
    assert said["applied"] > 80
    assert said["skipped"] > 0
    assert await place.committed() == 280


async def test_events_are_applied_once_while_slots_move(place: Place, nodes: SmallCluster) -> None:
    """A worker goes on while a node hands all it has to another one; nothing is read again."""
    source, target = nodes.nodes
    sent = 0
    async with working(place) as worker:
        moving = asyncio.create_task(move_all(nodes, source, target))
        while not moving.done() or sent < 400:
            await place.send(*events(80, first=sent))
            sent += 80
            await reaches(place, sent, worker)
        await moving
        assert await worker.stop() == {"applied": sent, "skipped": 0}
    assert await place.counts(*USERS) == [sent // 40] * 40
    assert len(target.admin.keys("profile:*")) == len(USERS)
    assert source.admin.keys("profile:*") == []


async def move_all(nodes: SmallCluster, source: Node, target: Node) -> None:
    """Slot by slot and key by key, with time for others in between."""
    for slot in [group.slot for group in groups() if nodes.owner(group.slot) is source]:
        nodes.move_begins(slot, source, target)
        while nodes.move_some(slot, source, target, 1):
            await asyncio.sleep(0)
        nodes.move_ends(slot, source, target)
