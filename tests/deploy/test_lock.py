"""One update at a time, on a real server and a real cluster."""

import asyncio

import pytest

from profilestream.deploy.lock import NAME, single_flight
from profilestream.schemas.errors import SetupError
from profilestream.stream.store.redis import RedisStore
from tests.stream.store.cluster import store_at, url_of


@pytest.fixture(params=["redis", "cluster"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Of a real server or cluster."""
    return url_of(request)


@pytest.fixture
async def store(url: str):
    """An empty Redis."""
    store = store_at(url)
    yield store
    await store.close()


async def test_a_second_update_is_refused_until_the_first_is_done(store: RedisStore) -> None:
    """Also where the first one failed."""

    async def failing() -> None:
        async with single_flight(store):
            with pytest.raises(SetupError, match="another update is running"):
                await single_flight(store).__aenter__()
            raise KeyError

    with pytest.raises(KeyError):
        await failing()
    async with single_flight(store):
        assert await store.client.pttl(NAME) > 0, "whoever dies must not hold it for ever"


async def test_the_lock_is_kept_for_as_long_as_it_takes(store: RedisStore) -> None:
    """It is renewed long before it ends."""
    async with single_flight(store, lease=8.0):
        token = await store.client.get(NAME)
        await store.client.pexpire(NAME, 7000)
        while await store.client.pttl(NAME) <= 7000:
            await asyncio.sleep(0.01)
        assert await store.client.get(NAME) == token


async def test_whoever_lost_the_lock_stops(store: RedisStore) -> None:
    """Another one has it: going on would be two at a time, and its lock is left to it."""

    async def going_on() -> None:
        async with single_flight(store, lease=0.4):
            await store.client.set(NAME, b"another's token")
            await asyncio.Event().wait()

    with pytest.raises(SetupError, match="lost"):
        await going_on()
    assert await store.client.get(NAME) == b"another's token"
