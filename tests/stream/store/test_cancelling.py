"""Whoever looks at Redis again and again ends when it is told to, at whatever point of a call that is."""

import asyncio

from profilestream.stream.store.redis import RedisStore


async def test_a_cancelled_task_ends_wherever_it_is_in_a_call(redis_url: str) -> None:
    """A demo that has shown everything, a worker that stops: neither goes on for ever because of one look at Redis."""
    store = RedisStore.connect(redis_url)

    async def look() -> None:
        while True:
            await store.load(["ada"])

    try:
        await store.load(["ada"])
        for steps in range(60):
            looking = asyncio.create_task(look())
            for _ in range(steps):
                await asyncio.sleep(0)
            looking.cancel()
            await asyncio.wait({looking}, timeout=1)
            ended = looking.done()
            while not looking.done():
                looking.cancel()
                await asyncio.wait({looking}, timeout=1)
            assert ended, f"a cancellation was lost after {steps} steps of the loop"
    finally:
        await store.close()
