"""What only Apache Kafka can do for a worker: compaction, members with a name, and many of them."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from structlog.testing import capture_logs

from tests.stream.worker.place import Place, make_place, until, working
from tests.stream.worker.test_worker import (
    USERS,
    assert_revisions_grow,
    assert_the_last_update_is_stored,
    events,
    everything,
)

COMPACT_AT_ONCE = {
    "cleanup.policy": "compact",
    "segment.ms": "1000",
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "1000",
}


@pytest.fixture
async def place(apache_kafka: str, redis_url: str, unique: Callable[[str], str]) -> Place:
    """Topics, group and models of this test; the topic of updates is compacted within seconds."""
    place = make_place(apache_kafka, redis_url, unique)
    await place.prepare(**COMPACT_AT_ONCE)
    return place


async def test_compaction_leaves_the_last_state_of_each_user(place: Place) -> None:
    """Kafka drops superseded updates, those of transactions too, and what remains is what Redis has."""
    sent = 0

    async def send() -> bool:
        nonlocal sent
        await place.send(*events(70, first=sent))
        sent += 70
        return True

    async def compacted() -> bool:
        await send()  # a segment is closed by what is written after it
        await until(lambda: everything(place, sent), worker)
        updates = sum(map(len, (await place.revisions()).values()))
        return updates < sent // 2

    async with working(place) as worker:
        await until(compacted, worker, seconds=120)
        await worker.stop()
    assert await place.counts(*USERS) == [sent // len(USERS)] * len(USERS)
    await assert_revisions_grow(place)


async def test_a_named_worker_comes_back_without_a_rebalance(place: Place) -> None:
    """Static membership: while it restarts its partitions wait for it, and the other worker is not disturbed."""
    with capture_logs() as logs:

        def assignments() -> int:
            return sum(entry["event"] == "partitions assigned" for entry in logs)

        async with working(place, instance="a", session_timeout=30.0) as first:
            await until(works_on(place, first.embedder.embedded), first)
            async with working(place, instance="b", session_timeout=30.0) as second:
                await until(works_on(place, second.embedder.embedded), second)
                await second.leave()
            before = assignments()
            async with working(place, instance="b", session_timeout=30.0) as second:
                await until(works_on(place, second.embedder.embedded), second)
                await second.leave()
            assert assignments() == before + 1
            await first.leave()
    await assert_the_last_update_is_stored(place)


def works_on(place: Place, embedded: list[str]) -> Callable[[], Awaitable[bool]]:
    """Whether a worker has been given some of the events; sends more until it has."""

    async def working_on() -> bool:
        await place.send(*events(len(USERS)))
        return bool(embedded)

    return working_on


async def test_three_workers_share_a_backlog(place: Place) -> None:
    """A second and a third worker join under load and leave again: the lag falls to nothing, each event once."""
    await place.send(*events(1400))
    sent = 1400
    async with AsyncExitStack() as stack:
        # They share one loop here: a worker that is late for a rebalance is shut out, and would have to begin anew.
        patient = {"session_timeout": 30.0, "rebalance_timeout": 20.0}
        workers = [await stack.enter_async_context(working(place, **patient)) for _ in range(3)]

        async def all_work() -> bool:
            nonlocal sent
            await place.send(*events(70, first=sent))
            sent += 70
            return all(worker.embedder.embedded for worker in workers)

        await until(all_work, workers[0], seconds=120)
        await workers[1].stop()
        await place.send(*events(70, first=sent))
        await workers[2].stop()
        await until(lambda: everything(place, sent + 70), workers[0])
        await workers[0].stop()
    assert await place.committed() == sent + 70
    assert sum(await place.counts(*USERS)) == sent + 70
    await assert_revisions_grow(place)
