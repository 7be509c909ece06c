"""The drift store: reports in order, a state that only one judge changes at a time, and what was found."""

from collections.abc import AsyncIterator

import pytest

from profilestream.stream.store.drift import DriftStore, MemoryDriftStore, RedisDriftStore
from tests.stream.store.cluster import store_at, url_of


@pytest.fixture(params=["memory", "redis", "cluster"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Of the real server or cluster; None for the twin."""
    return url_of(request)


@pytest.fixture
async def store(url: str | None) -> AsyncIterator[DriftStore]:
    """An empty store."""
    if url is None:
        yield MemoryDriftStore()
        return
    profiles = store_at(url)
    yield RedisDriftStore(profiles.client)
    await profiles.close()


async def test_reports_are_read_once_and_in_order(store: DriftStore) -> None:
    """Who remembers the last name it saw misses nothing and sees nothing twice; models are apart."""
    for n in range(5):
        await store.report("a", bytes([n]))
    await store.report("b", b"other")
    first = await store.reports("a", "", 3)
    rest = await store.reports("a", first[-1][0], 10)
    assert [data for _, data in first + rest] == [bytes([n]) for n in range(5)]
    assert await store.reports("a", rest[-1][0], 10) == []


async def test_one_judge_at_a_time(store: DriftStore) -> None:
    """Of two that read the same state only the first may change it."""
    assert await store.load("a") == (0, None)
    assert await store.save("a", 0, b"mine")
    assert not await store.save("a", 0, b"yours")
    assert await store.load("a") == (1, b"mine")
    assert await store.save("a", 1, b"next")


async def test_the_newest_model_is_shown_first(store: DriftStore) -> None:
    """A reader sees what is watched now, then what was before."""
    await store.publish("old", {"model": "old", "since": 1})
    await store.publish("new", {"model": "new", "since": 2})
    assert [status["model"] for status in await store.statuses()] == ["new", "old"]


async def test_what_is_forgotten_begins_anew(store: DriftStore) -> None:
    """After a reset there is no state, no report and nothing to show."""
    await store.report("a", b"x")
    await store.save("a", 0, b"state")
    await store.publish("a", {"model": "a", "since": 1})
    await store.forget("a")
    assert (await store.load("a"), await store.reports("a", "", 9), await store.statuses()) == ((0, None), [], [])


async def test_the_lease_is_renewed_by_its_owner(store: DriftStore) -> None:
    """Whoever judges may go on judging."""
    assert await store.lease("me", 5)
    assert await store.lease("me", 5)
