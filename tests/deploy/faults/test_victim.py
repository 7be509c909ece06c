"""A server is killed, stopped and starved of room, and comes back in its place."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from profilestream.deploy.faults.victim import Victim, steady_port, told_of_full_disks
from profilestream.deploy.local import valkey
from tests.conftest import skip_if


@pytest.fixture
async def victim(tmp_path: Path) -> AsyncIterator[Victim]:
    """A store that keeps its data."""
    skip_if(valkey.supported())
    server = told_of_full_disks(valkey.valkey(tmp_path / "data", keep=True, port=steady_port()))
    victim = Victim(server, tmp_path)
    await victim.start()
    yield victim
    await victim.stop()


@pytest.fixture
async def store(victim: Victim) -> AsyncIterator[Redis]:
    """A client of its present life."""
    async with Redis.from_url(victim.server.address) as client:
        yield client


async def test_killed_it_comes_back_with_its_data_in_the_same_place(victim: Victim, store: Redis) -> None:
    """Another process, the same address, and what was written."""
    await store.set("profile", b"grown")
    await store.connection_pool.disconnect()
    before = victim.pid
    await victim.kill()
    assert not psutil.pid_exists(before)
    assert victim.pid == 0
    await victim.start()
    assert victim.pid not in (0, before)
    assert await store.get("profile") == b"grown"


async def test_hanging_it_answers_nothing_and_then_goes_on(victim: Victim, store: Redis) -> None:
    """A question asked meanwhile is answered afterwards."""
    hanging = asyncio.create_task(victim.hang(1.0))
    while psutil.Process(victim.pid).status() != psutil.STATUS_STOPPED:
        await asyncio.sleep(0.01)
    asking = asyncio.create_task(store.ping())
    await asyncio.wait({hanging, asking}, return_when=asyncio.FIRST_COMPLETED)
    assert hanging.done()
    assert await asking


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the files of a process that runs")
async def test_without_room_it_refuses_writes_and_then_takes_them(victim: Victim, store: Redis) -> None:
    """As on a full disk: told so, alive, with all that it had; with room again everything works."""

    async def refused() -> bool:
        try:
            await store.set("another", b"x" * 100)
        except ResponseError as error:
            return "MISCONF" in str(error)
        return False

    async def taken() -> bool:
        return not await refused()

    await store.set("profile", b"grown")
    with victim.without_room():
        await until(refused)
        assert await store.get("profile") == b"grown"
    await until(taken)
    await store.connection_pool.disconnect()
    await victim.kill()
    await victim.start()
    assert await store.get("another") == b"x" * 100


async def until(true) -> None:
    """Wait until it is."""
    async with asyncio.timeout(30):
        while not await true():
            await asyncio.sleep(0.05)
