"""What every ProfileStore must do: the same tests on the in-memory twin, on a real server and on a real cluster."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
import redis

from profilestream.deploy.local.ports import free_port
from profilestream.deploy.local.process import ServerProcess
from profilestream.deploy.local.valkey import valkey
from profilestream.schemas.errors import ConfigurationError, StoreUnavailableError
from profilestream.stream.store.base import ProfileStore, Stored, Write
from profilestream.stream.store.cluster import ClusterStore
from profilestream.stream.store.groups import group_of, groups
from profilestream.stream.store.memory import MemoryStore
from profilestream.stream.store.redis import RedisStore

AWKWARD_USERS = ["a b", "{tag}a", "a{b", "}", "*?[x]", "ada:1", "žluťoučký 王 🐴", "\n\t\0", "u" * 512, "profile:x"]


@pytest.fixture(params=["memory", "redis", "cluster"])
def connect(request: pytest.FixtureRequest) -> Callable[[], ProfileStore]:
    """Makes the twin, or a store on a real server or cluster that is empty."""
    if request.param == "redis":
        return partial(RedisStore.connect, request.getfixturevalue("redis_url"))
    if request.param == "cluster":
        return partial(ClusterStore.connect, request.getfixturevalue("cluster").url)
    return MemoryStore


@pytest.fixture
async def store(connect: Callable[[], ProfileStore]) -> AsyncIterator[ProfileStore]:
    """An empty store."""
    store = connect()
    yield store
    await store.close()


async def test_a_new_profile_is_revision_one(store: ProfileStore) -> None:
    """What is written comes back, with its revision."""
    assert await store.load(["ada"]) == [None]
    assert await store.save([Write("ada", 0, b"one")]) == [True]
    assert await store.load(["ada"]) == [Stored(1, b"one")]


async def test_a_write_on_an_old_revision_is_refused(store: ProfileStore) -> None:
    """Whoever did not see the last change writes nothing, and can see what is there instead."""
    await store.save([Write("ada", 0, b"one")])
    assert await store.save([Write("ada", 1, b"two")]) == [True]
    for expected in (0, 1, 3):
        assert await store.save([Write("ada", expected, b"stale")]) == [False]
    assert await store.load(["ada"]) == [Stored(2, b"two")]


async def test_a_lost_profile_is_not_written_over_as_if_it_were_there(store: ProfileStore) -> None:
    """Where the store forgot a profile, a write that continues it is refused."""
    assert await store.save([Write("ada", 5, b"six")]) == [False]
    assert await store.load(["ada"]) == [None]


async def test_answers_are_in_the_order_of_the_questions(store: ProfileStore) -> None:
    """Known and unknown users mixed, asked twice, accepted and refused side by side."""
    await store.save([Write("a", 0, b"A"), Write("b", 0, b"B")])
    assert await store.load(["b", "x", "a", "b"]) == [Stored(1, b"B"), None, Stored(1, b"A"), Stored(1, b"B")]
    writes = [Write("a", 7, b""), Write("c", 0, b"C"), Write("b", 1, b"BB"), Write("x", 1, b"")]
    assert await store.save(writes) == [False, True, True, False]


async def test_writes_to_one_user_in_one_call_are_done_in_order(store: ProfileStore) -> None:
    """The second sees what the first did."""
    assert await store.save([Write("a", 0, b"1"), Write("a", 0, b"no"), Write("a", 1, b"2")]) == [True, False, True]
    assert await store.load(["a"]) == [Stored(2, b"2")]


async def test_nothing_asked_is_nothing_answered(store: ProfileStore) -> None:
    """An empty batch is no error."""
    assert await store.load([]) == []
    assert await store.save([]) == []
    await store.save_watermarks({})
    assert await store.watermarks() == {}


@pytest.mark.parametrize("state", [b"", bytes(range(256)), b"\0" * 9000], ids=["empty", "every byte", "large"])
async def test_states_are_bytes(store: ProfileStore, state: bytes) -> None:
    """Whatever bytes a state has, they come back."""
    await store.save([Write("ada", 0, state)])
    assert await store.load(["ada"]) == [Stored(1, state)]


async def test_any_user_id_is_a_user(store: ProfileStore) -> None:
    """Spaces, braces, patterns, other alphabets and long ids: each its own profile, each listed as it is."""
    for user in AWKWARD_USERS:
        assert await store.save([Write(user, 0, user.encode())]) == [True]
    assert await store.load(AWKWARD_USERS) == [Stored(1, user.encode()) for user in AWKWARD_USERS]
    assert {user async for user in store.users()} == set(AWKWARD_USERS)


async def test_users_are_all_users_and_only_users(store: ProfileStore) -> None:
    """Thousands of them over many round trips; watermarks are no user."""
    users = [f"user{number}" for number in range(3000)]
    await store.save([Write(user, 0, b"x") for user in users])
    await store.save_watermarks({"user-events-0": 5})
    assert {user async for user in store.users()} == set(users)


async def test_concurrent_writers_lose_nothing(store: ProfileStore) -> None:
    """Many workers change the same profiles at once: each change is in exactly one revision."""
    users, changes, workers = ["ada", "bob"], 12, 8

    async def worker(number: int) -> None:
        for change in range(changes):
            waiting = set(users)
            while waiting:
                asked = sorted(waiting)
                writes = [
                    Write(user, found.revision, found.state + b"%d.%d " % (number, change))
                    for user, found in zip(asked, [s or Stored(0, b"") for s in await store.load(asked)], strict=True)
                ]
                done = await store.save(writes)
                waiting -= {write.user for write, ok in zip(writes, done, strict=True) if ok}

    await asyncio.gather(*[worker(number) for number in range(workers)])
    for stored in await store.load(users):
        assert stored is not None
        assert stored.revision == workers * changes
        assert set(Counter(stored.state.split()).values()) == {1}


async def test_watermarks_are_remembered_by_partition(store: ProfileStore) -> None:
    """One partition's progress leaves the others' alone; going back is allowed, for a replay."""
    await store.save_watermarks({"user-events-0": 10, "user-events-1": 20})
    await store.save_watermarks({"user-events-1": 25, "some other-topic-12": 2**40})
    await store.save_watermarks({"user-events-0": 4})
    assert await store.watermarks() == {"user-events-0": 4, "user-events-1": 25, "some other-topic-12": 2**40}


async def test_revisions_go_on_beyond_what_a_float_can_count(store: ProfileStore) -> None:
    """The server compares bytes: neighbours are told apart however long a profile lives."""
    high = 2**53 + 1
    if isinstance(store, RedisStore):
        key = groups()[group_of("ada")].profile("ada") if isinstance(store, ClusterStore) else "profile:ada"
        await store.client.set(key, high.to_bytes(8, "big") + b"old")
    else:
        store.profiles["ada"] = Stored(high, b"old")
    assert await store.save([Write("ada", high - 1, b"stale")]) == [False]
    assert await store.save([Write("ada", high, b"new")]) == [True]
    assert await store.load(["ada"]) == [Stored(high + 1, b"new")]


CALLS: dict[str, Callable[[ProfileStore], object]] = {
    "load": lambda store: store.load(["ada"]),
    "save": lambda store: store.save([Write("ada", 0, b"x")]),
    "watermarks": lambda store: store.watermarks(),
    "save_watermarks": lambda store: store.save_watermarks({"user-events-0": 1}),
    "users": lambda store: anext(store.users()),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_the_twin_fails_when_it_is_told_to(call) -> None:
    """So that the engine's tests meet the errors that a real server gives."""
    store = MemoryStore()
    await store.save([Write("bob", 0, b"x")])
    store.fail()
    with pytest.raises(StoreUnavailableError):
        await call(store)
    store.recover()
    await call(store)


async def test_a_server_that_dies_is_unavailable_until_it_is_back(tmp_path: Path) -> None:
    """Each call says so, none hangs; the same store works with the restarted server and what that kept."""
    port = free_port()
    server = ServerProcess(valkey(tmp_path, keep=True, port=port), tmp_path)
    await server.start()
    store = RedisStore.connect(server.address, timeout=2.0)
    try:
        await store.save([Write("ada", 0, b"one")])
        await server.stop()
        for call in CALLS.values():
            with pytest.raises(StoreUnavailableError):
                await call(store)
        server = ServerProcess(valkey(tmp_path, keep=True, port=port), tmp_path)
        await server.start()
        assert await store.load(["ada"]) == [Stored(1, b"one")]
        assert await store.save([Write("ada", 1, b"two")]) == [True]  # the script is loaded anew
    finally:
        await store.close()
        await server.stop()


async def test_a_server_that_does_not_answer_is_unavailable_in_time() -> None:
    """A server that accepts and is then silent costs one timeout, not a hanging worker."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        store = RedisStore.connect(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", timeout=0.2)
        async with asyncio.timeout(10):
            with pytest.raises(StoreUnavailableError):
                await store.load(["ada"])
        await store.close()


@pytest.mark.parametrize("credentials", [":wrong@", "nobody:wrong@", ""], ids=["password", "user", "none"])
async def test_wrong_credentials_are_a_mistake_in_the_settings(tmp_path: Path, credentials: str) -> None:
    """Waiting would not help: the error names the setting, and does not tell the password."""
    server = ServerProcess(valkey(tmp_path), tmp_path)
    await server.start()
    try:
        with redis.Redis.from_url(server.address) as admin:
            admin.config_set("requirepass", "right")
        right, store = (
            RedisStore.connect(server.address.replace("redis://", f"redis://{who}")) for who in (":right@", credentials)
        )
        assert await right.load(["ada"]) == [None]
        with pytest.raises(ConfigurationError, match="redis_url") as error:
            await store.load(["ada"])
        assert "wrong" not in str(error.value)
        await asyncio.gather(right.close(), store.close())
    finally:
        await server.stop()


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost", "redis://localhost:port/0", ""])
@pytest.mark.parametrize("kind", [RedisStore, ClusterStore])
def test_a_url_that_is_none_of_redis_is_a_mistake_in_the_settings(url: str, kind: type[RedisStore]) -> None:
    """Said at once, before anything connects."""
    with pytest.raises(ConfigurationError, match="redis_url"):
        kind.connect(url)
