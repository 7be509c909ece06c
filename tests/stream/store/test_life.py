"""A server that came back may have forgotten: the store says so, until somebody has asked how far it is."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from profilestream.deploy.local.ports import free_port
from profilestream.deploy.local.process import ServerProcess
from profilestream.deploy.local.valkey import supported, valkey
from profilestream.inference.retry import until_available
from profilestream.schemas.errors import LostWritesError
from profilestream.stream.store.base import ProfileStore, Stored, Write
from profilestream.stream.store.memory import MemoryServer, MemoryStore
from profilestream.stream.store.redis import RedisStore
from tests.conftest import skip_if

Restart = Callable[[], Awaitable[None]]


@pytest.fixture(params=["twin", "valkey"])
async def restartable(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[ProfileStore, Restart]]:
    """A store, and a way to start its server again with its data."""
    if request.param == "twin":
        twin = MemoryServer()

        async def again() -> None:
            twin.restart(twin.profiles, twin.watermarks)

        yield MemoryStore(twin), again
        return
    skip_if(supported())
    port = free_port()
    servers = [ServerProcess(valkey(tmp_path, keep=True, port=port), tmp_path)]
    await servers[0].start()

    async def restart() -> None:
        await servers[-1].stop()
        servers.append(ServerProcess(valkey(tmp_path, keep=True, port=port), tmp_path))
        await servers[-1].start()

    store = RedisStore.connect(servers[0].address, timeout=5.0)
    yield store, restart
    await store.close()
    await servers[-1].stop()


CALLS: dict[str, Callable[[ProfileStore], Awaitable[object]]] = {
    "load": lambda store: store.load(["ada"]),
    "save": lambda store: store.save([Write("ada", 1, b"two")]),
    "save_watermarks": lambda store: store.save_watermarks({"user-events-0": 9}),
    "check": lambda store: store.check(),
}


async def test_another_life_of_the_server_is_refused_until_its_watermarks_were_read(
    restartable: tuple[ProfileStore, Restart],
) -> None:
    """Nothing is written on top of what may be missing; after asking for the watermarks, work goes on from there."""
    store, restart = restartable
    await store.watermarks()
    await store.save([Write("ada", 0, b"one")])
    await store.save_watermarks({"user-events-0": 4})
    await store.check()
    await restart()
    for call in CALLS.values():
        # Redis tells a client whose connection broke first that it is unavailable, and at the next try what happened.
        with pytest.raises(LostWritesError):
            await again_if_unavailable(call, store)
    assert await store.watermarks() == {"user-events-0": 4}
    assert await store.load(["ada"]) == [Stored(1, b"one")]
    assert await store.save([Write("ada", 1, b"two", 7)]) == [True]
    assert await store.load(["ada"]) == [Stored(7, b"two")]


async def again_if_unavailable(call: Callable[[ProfileStore], Awaitable[object]], store: ProfileStore) -> None:
    """As the engine does."""
    await until_available(lambda: call(store), "store")


async def test_who_never_asked_for_watermarks_is_not_bothered(restartable: tuple[ProfileStore, Restart]) -> None:
    """A look at a profile depends on nothing that came before."""
    store, restart = restartable
    await store.save([Write("ada", 0, b"one")])
    await restart()
    assert await until_available(lambda: store.load(["bob", "ada"]), "store") == [None, Stored(1, b"one")]
