"""What processes say of themselves, in a real Redis."""

import asyncio

from profilestream.stream.store.redis import RedisStore
from profilestream.stream.worker.status import process_name, publish_status, read_statuses


async def test_each_role_is_read_by_itself_and_by_name(redis_url: str) -> None:
    """A worker's name leads to what that worker said last; a learner is no worker."""
    store = RedisStore.connect(redis_url)
    await publish_status(store.client, "worker", {"applied": 1}, name="b")
    await publish_status(store.client, "worker", {"applied": 2}, name="b")
    await publish_status(store.client, "worker", {"note": "two words\nand a line"}, name="a")
    await publish_status(store.client, "learner", {"tested": 3})
    said = await read_statuses(store.client)
    assert list(said.items()) == [("a", {"note": "two words\nand a line"}), ("b", {"applied": 2})]
    assert await read_statuses(store.client, "learner") == {process_name(): {"tested": 3}}
    await store.close()


async def test_who_says_nothing_for_long_is_gone(redis_url: str) -> None:
    """A worker that was killed leaves the list, though others go on and its host's clock may be wrong."""
    store = RedisStore.connect(redis_url)
    await publish_status(store.client, "worker", {"time": 0}, name="killed")
    assert list(await read_statuses(store.client)) == ["killed"]
    async with asyncio.timeout(10):
        while "killed" in await read_statuses(store.client, expires=1):
            await publish_status(store.client, "worker", {"time": 1e12}, name="alive")
    await publish_status(store.client, "worker", {"time": 1e12}, name="alive")  # the strict look may have dropped it
    assert list(await read_statuses(store.client)) == ["alive"]
    await store.close()


async def test_without_processes_nothing_stays(redis_url: str) -> None:
    """The last one that is killed leaves no key behind."""
    store = RedisStore.connect(redis_url)
    await publish_status(store.client, "worker", {}, name="last", expires=1)
    async with asyncio.timeout(10):
        while await store.client.keys("profilestream:status*"):
            await asyncio.sleep(0.05)
    assert await read_statuses(store.client) == {}
    await store.close()


async def test_reading_is_one_round_trip_however_many_keys_there_are(redis_url: str) -> None:
    """What is read every second or two does not walk through millions of profiles."""
    store = RedisStore.connect(redis_url)
    await publish_status(store.client, "worker", {}, name="one")
    await store.client.mset({f"profile:{number}": b"x" for number in range(3000)})
    before = (await store.client.info("stats"))["total_commands_processed"]
    await read_statuses(store.client)
    after = (await store.client.info("stats"))["total_commands_processed"]
    assert after - before <= 6  # the script, what it calls, and this question
    await store.close()
