"""The embedded store is a real one, on loopback only, that forgets nobody."""

from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError

from profilestream.deploy.local import valkey
from profilestream.deploy.local.process import ServerProcess


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Redis]:
    """A connection to the store that all tests share."""
    async with Redis.from_url(redis_url) as client:
        yield client


async def test_set_and_get(store: Redis) -> None:
    """What is written is read, as bytes."""
    await store.set("profile", b"\x00\xff")
    assert await store.get("profile") == b"\x00\xff"


async def test_full_store_refuses_and_evicts_nothing(store: Redis) -> None:
    """At its memory limit a write fails, where a cache would quietly forget somebody's profile."""
    await store.set("profile", b"x")
    limit = (await store.config_get("maxmemory"))["maxmemory"]
    await store.config_set("maxmemory", 1)
    try:
        with pytest.raises(OutOfMemoryError):
            await store.set("another", b"x" * 1000)
    finally:
        await store.config_set("maxmemory", limit)
    assert await store.get("profile") == b"x"


async def test_kept_data_survives_a_restart(tmp_path: Path) -> None:
    """With `keep`, what was written is there at the next start."""
    for expected in (None, b"grown"):
        process = ServerProcess(valkey.valkey(tmp_path, keep=True), tmp_path)
        await process.start()
        async with Redis.from_url(process.address) as client:
            assert await client.get("profile") == expected
            await client.set("profile", b"grown")
        await process.stop()


async def test_only_this_machine_can_connect(tmp_path: Path) -> None:
    """The store listens on loopback and nowhere else: it asks for no password."""
    process = ServerProcess(valkey.valkey(tmp_path), tmp_path)
    await process.start()
    (server,) = psutil.Process(process.pid).children()
    listening = [c.laddr.ip for c in server.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    await process.stop()
    assert listening == ["127.0.0.1"]
