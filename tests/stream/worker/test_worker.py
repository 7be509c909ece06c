"""A worker on real servers: every event once, whatever happens to it."""

import asyncio
import itertools
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from profilestream.deploy.local.ports import free_port
from profilestream.deploy.local.process import ServerProcess, start_on_free_ports
from profilestream.deploy.local.tansu import tansu
from profilestream.deploy.local.valkey import valkey
from profilestream.inference.artefacts import sha256_hex
from profilestream.inference.embedder import Embeddings
from profilestream.inference.hashing import HashEmbedder
from profilestream.inference.heads import Head
from profilestream.schemas.codec import decode_dead_letter, decode_update, encode
from profilestream.schemas.errors import ArtefactError, BrokerUnavailableError, LostWritesError
from profilestream.schemas.events import ModelEvent
from profilestream.stream.engine.engine import DEAD_LETTER_HEADER
from profilestream.stream.kafka.connection import KafkaConnection
from profilestream.stream.store.models import RedisModelStore
from profilestream.stream.worker.app import create_app
from tests.stream.worker.place import ENCODER, Place, Worker, make_place, until, working
from tests.stream.worker.process import ROOT, worker_process
from tests.stream.world import NOW, event

USERS = [f"user{number}" for number in range(7)]


def events(count: int, first: int = 0):
    """Events of all users in turn."""
    return [event(number, USERS[number % len(USERS)]) for number in range(first, first + count)]


async def everything(place: Place, count: int) -> bool:
    """Whether so many events are in the profiles."""
    return sum(await place.counts(*USERS)) >= count


def left_in(folder: Path) -> list[Path]:
    """What somebody put there."""
    return list(folder.iterdir())


async def test_events_become_profiles_updates_and_dead_letters(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent is in profiles, updates and dead letters, all of it is committed, and no file is left."""
    monkeypatch.chdir(tmp_path)
    await place.send(*events(210))
    await place.send_raw((b"user0", b"rubbish"), (b"user1", None))
    async with working(place) as worker:
        await place.send(*events(70, first=210))
        await until(lambda: everything(place, 280), worker)
        said = await worker.stop()
    assert await place.counts(*USERS) == [40] * 7
    assert said == {"applied": 280, "skipped": 0}
    last = {
        record.key.decode(): decode_update(record.value)
        for record in await place.messages(place.options.outputs.updates)
    }
    store = place.store()
    for user, stored in zip(USERS, await store.load(USERS), strict=True):
        assert stored is not None
        assert (last[user].revision, last[user].state) == stored
        assert last[user].events == 40
    await store.close()
    letters = await place.messages(place.options.outputs.dead_letters)
    reasons = {letter.value: decode_dead_letter(dict(letter.headers)[DEAD_LETTER_HEADER]).reason for letter in letters}
    assert reasons == {b"rubbish": "not_avro", None: "tombstone"}
    assert await place.committed() == 282
    assert left_in(tmp_path) == []


async def test_a_stopped_worker_leaves_nothing_to_do_again(place: Place) -> None:
    """What was read is finished and committed, so the next worker neither repeats nor misses anything."""
    await place.send(*events(600))
    async with working(place) as worker:
        await until(lambda: everything(place, 50), worker)
        async with asyncio.timeout(place.options.shutdown_seconds + 10):
            first = await worker.stop()
    done = sum(await place.counts(*USERS))
    assert first == {"applied": done, "skipped": 0}
    assert await place.committed() == done
    async with working(place) as worker:
        await until(lambda: everything(place, 600), worker)
        assert await worker.stop() == {"applied": 600 - done, "skipped": 0}
    assert sum(await place.counts(*USERS)) == 600
    async with working(place) as worker:
        await place.send(event(1000, "somebody else"))
        await until(lambda: known(place, "somebody else"), worker)
        assert await worker.stop() == {"applied": 1, "skipped": 0}


async def known(place: Place, user: str) -> bool:
    """Whether somebody has a profile."""
    return (await place.counts(user)) != [0]


async def test_a_killed_worker_is_made_up_for(place: Place) -> None:
    """After SIGKILL in the middle of its work the next one goes on: each event once, revisions never go back."""
    await place.send(*events(700))
    with worker_process(place) as process:
        await until(lambda: everything(place, 100))
        process.kill()
    async with working(place) as worker:
        await place.send(*events(70, first=700))
        await until(lambda: everything(place, 770), worker)
        await worker.stop()
    assert await place.counts(*USERS) == [110] * 7
    await assert_revisions_grow(place)


async def assert_revisions_grow(place: Place) -> None:
    """A consumer of profile-updates never sees a revision go back, and ends with what is stored."""
    assert all(seen == sorted(seen) for seen in (await place.revisions()).values())
    await assert_the_last_update_is_stored(place)


async def assert_the_last_update_is_stored(place: Place) -> None:
    """A consumer of profile-updates ends with what is stored."""
    store = place.store()
    seen = await place.revisions()
    for user, stored in zip(USERS, await store.load(USERS), strict=True):
        assert stored is not None
        assert seen[user][-1] == stored.revision
    await store.close()


async def test_workers_share_and_one_leaves(place: Place) -> None:
    """Partitions go from one to two workers and back while events flow: each event once, revisions never go back."""
    await place.send(*events(210))
    async with working(place) as first:
        await until(lambda: everything(place, 210), first)
        async with working(place) as second:
            sent = 210

            async def both_work() -> bool:
                nonlocal sent
                await place.send(*events(70, first=sent))
                sent += 70
                return bool(second.embedder.embedded)

            await until(both_work, second)
            await first.stop()
            await place.send(*events(70, first=sent))
            await until(lambda: everything(place, sent + 70), second)
            await second.stop()
    assert sum(await place.counts(*USERS)) == sent + 70
    await assert_revisions_grow(place)


class WatchedEmbedder(HashEmbedder):
    """Says how many calls it was given."""

    calls = 0

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """See HashEmbedder."""
        self.calls += 1
        return await super().embed(texts)


async def hang(place: Place, worker: Worker) -> None:
    """Make a worker's encoder hang, and wait until the worker hangs there."""
    embedder = worker.embedder
    assert isinstance(embedder, WatchedEmbedder)
    embedder.hang()
    before = embedder.calls
    await place.send(*events(70, first=70))

    async def waiting() -> bool:
        return embedder.calls > before

    await until(waiting, worker)


async def test_a_hanging_encoder_does_not_keep_a_worker(place: Place) -> None:
    """It stops in bounded time, and what it could not do is left to the next one."""
    await place.send(*events(70))
    async with working(place, WatchedEmbedder(), shutdown_seconds=1.0) as worker:
        await until(lambda: everything(place, 70), worker)
        await hang(place, worker)
        async with asyncio.timeout(20):
            assert await worker.stop() == {"applied": 70, "skipped": 0}
    assert await place.committed() == 70
    async with working(place) as worker:
        await until(lambda: everything(place, 140), worker)
        assert await worker.stop() == {"applied": 70, "skipped": 0}


async def test_a_hanging_encoder_does_not_keep_the_group(place: Place) -> None:
    """Another worker may join: the one that hangs gives up what it cannot finish, and both have each event once."""
    await place.send(*events(70))
    async with working(place, WatchedEmbedder()) as stuck:
        await until(lambda: everything(place, 70), stuck)
        await hang(place, stuck)
        async with working(place) as other:

            async def shared() -> bool:
                return bool(other.embedder.embedded)

            await until(shared, other)
            stuck.embedder.recover()
            await until(lambda: everything(place, 140), other)
            await stuck.stop()
            await other.stop()
    assert await place.counts(*USERS) == [20] * 7
    await assert_revisions_grow(place)


async def test_profiles_that_redis_lost_are_made_again(place: Place) -> None:
    """Redis is empty when the worker comes back: it reads from the beginning, and the profiles are whole again."""
    await place.send(*events(140))
    async with working(place) as worker:
        await until(lambda: everything(place, 140), worker)
        await worker.stop()
    store = place.store()
    await store.client.flushall()
    await store.close()
    await place.publish_models()
    assert await place.counts(*USERS) == [0] * 7
    async with working(place) as worker:
        await until(lambda: everything(place, 140), worker)
        await place.send(*events(70, first=140))
        await until(lambda: everything(place, 210), worker)
        assert await worker.stop() == {"applied": 210, "skipped": 0}
    assert await place.counts(*USERS) == [30] * 7
    assert await place.committed() == 210


async def test_the_last_writes_that_redis_lost_are_made_again(place: Place) -> None:
    """Redis fell back to an older state, watermarks included: only what it forgot is applied again."""
    await place.send(*events(140))
    async with working(place) as worker:
        await until(lambda: everything(place, 140), worker)
        await worker.stop()
    store = place.store()
    before = {key: await store.client.dump(key) for key in await store.client.keys()}
    await place.send(*events(70, first=140))
    async with working(place) as worker:
        await until(lambda: everything(place, 210), worker)
        await worker.stop()
    for key, value in before.items():
        await store.client.restore(key, 0, value, replace=True)
    await store.close()
    async with working(place) as worker:
        await until(lambda: everything(place, 210), worker)
        assert await worker.stop() == {"applied": 70, "skipped": 0}
    assert await place.counts(*USERS) == [30] * 7


async def test_a_published_head_is_used_within_seconds(place: Place) -> None:
    """The next events get its labels; a broken, older or foreign one changes nothing, and later ones are used again."""
    users = (f"new{number}" for number in itertools.count())
    async with working(place) as worker:

        async def labels() -> set[int]:
            """What the next event is told apart by."""
            user = next(users)
            await place.send(event(0, user))
            await until(lambda: known(place, user), worker)
            return set((await place.profiles(user)).label_ids.tolist())

        async def birds() -> bool:
            return await labels() == {0, 1, 2}

        async def intent() -> bool:
            return 4096 in await labels()

        assert await labels() == {0, 1}
        await publish(place, made_head())
        await until(birds, worker, seconds=10)
        await publish(place, b"not a head")
        await publish(place, made_head(version=1, labels=("cats", "dogs")))
        await publish(place, made_head(version=3, labels=("cats", "dogs"), encoder="hash-v2"))
        await publish(place, made_head(version=4, labels=("fish", "cats", "dogs", "birds")))
        await place.send_raw((b"interest", b"not a model event"), topic=place.options.model_events)
        await publish(place, made_head(task="intent"))
        await until(intent, worker)
        assert await labels() == {0, 1, 2, 4096, 4097, 4098}
        await worker.stop()


def made_head(
    *,
    task: str = "interest",
    version: int = 2,
    labels: tuple[str, ...] = ("cats", "dogs", "birds"),
    encoder: str = ENCODER,
) -> Head:
    """A head that gives every label the same score."""
    weights, bias = np.zeros((len(labels), 64), np.float32), np.zeros(len(labels), np.float32)
    return Head(task=task, version=version, encoder=encoder, labels=labels, weights=weights, bias=bias)


async def publish(place: Place, head: Head | bytes) -> None:
    """As the learner does: the artefact first, then the news."""
    data, version = (head, 9) if isinstance(head, bytes) else (head.to_bytes(), head.version)
    store, location = place.store(), f"published/{sha256_hex(data)}"
    await RedisModelStore(store.client).put(location, data)
    await store.close()
    news = ModelEvent(
        kind="head", name="interest", version=version, location=location, sha256=sha256_hex(data), time=NOW
    )
    await place.send_raw((b"interest", encode(news)), topic=place.options.model_events)


async def test_redis_may_go_and_come_back(place: Place, tmp_path: Path) -> None:
    """What a restarted Redis forgot is not guessed: the worker ends and says why, the next one makes it whole."""
    port = free_port()
    server = ServerProcess(valkey(tmp_path, port=port), tmp_path)
    await server.start()
    here = replace(place, redis_url=server.address)
    try:
        await here.publish_models()
        await here.send(*events(70))
        async with working(here, shutdown_seconds=60.0) as worker:
            await until(lambda: everything(here, 70), worker)
            await server.stop()
            server = ServerProcess(valkey(tmp_path, port=port), tmp_path)  # it kept nothing
            await server.start()
            await here.publish_models()
            await here.send(*events(70, first=70))
            async with asyncio.timeout(30):
                with pytest.raises(LostWritesError):
                    await worker.task
        async with working(here) as worker:
            await until(lambda: everything(here, 140), worker)
            await worker.stop()
        assert await here.counts(*USERS) == [20] * 7
        await assert_the_last_update_is_stored(here)
    finally:
        await server.stop()


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_broker_that_is_gone_does_not_keep_a_worker(
    redis_url: str, unique, tmp_path: Path, hangs: bool
) -> None:
    """Stopped while Kafka is away, or takes calls and answers none, it ends within its bound all the same."""
    server = await start_on_free_ports(tansu, tmp_path)
    (broker,) = psutil.Process(server.pid).children()
    try:
        place = make_place(server.address, redis_url, unique)
        await place.prepare()
        await place.send(*events(70))
        async with working(place, shutdown_seconds=1.0) as worker:
            await until(lambda: everything(place, 70), worker)
            broker.suspend() if hangs else await server.stop()
            async with asyncio.timeout(30):  # Faust would wait for a minute, aiokafka's commit for ever
                await worker.stop()
    finally:
        with suppress(psutil.NoSuchProcess):
            broker.resume()
        await server.stop()


async def test_without_a_broker_it_does_not_start(redis_url: str, unique) -> None:
    """It says what is missing rather than wait for ever."""
    place = make_place(f"127.0.0.1:{free_port()}", redis_url, unique)
    await place.publish_models()
    async with asyncio.timeout(30), working(place) as worker:
        with pytest.raises(BrokerUnavailableError, match="profilestream up"):
            await worker.task


async def test_without_models_it_does_not_start(place: Place) -> None:
    """Before it has read an event, it says what to do."""
    store = place.store()
    await store.client.flushall()
    await store.close()
    async with asyncio.timeout(30), working(place) as worker:
        with pytest.raises(ArtefactError, match="profilestream prepare"):
            await worker.task


async def test_what_it_cannot_go_on_with_ends_it(place: Place) -> None:
    """A key that is not a profile stops the worker with one plain error, quickly, and nothing is acknowledged."""
    store = place.store()
    sent = events(7)
    for one in sent:  # of every user: what others sent may be finished and acknowledged before
        await store.client.set(f"profile:{one.user}", b"12345678 somebody else's value")
    await store.close()
    await place.send(*sent)
    async with asyncio.timeout(60), working(place, shutdown_seconds=30.0) as worker:
        with pytest.raises(ArtefactError, match="not a profile"):
            await worker.task
    assert await place.committed() == 0


class NoHost:
    """Takes nothing."""

    async def put(self, event: object) -> None:
        """Never called."""

    def abandon(self) -> None:
        """Nothing to let go of."""

    async def renew(self, partitions: list[str]) -> None:
        """Nothing to begin."""


async def no_watermarks() -> dict[str, int]:
    """Nothing is stored."""
    return {}


def test_the_app_has_one_agent() -> None:
    """Nothing that Faust might discover runs in a worker by accident."""
    app = create_app(
        group="g",
        topic="t",
        connection=KafkaConnection(bootstrap="127.0.0.1:1"),
        host=NoHost(),
        watermarks=no_watermarks,
    )
    assert set(app.agents) == {"profiles"}
    assert not app.conf.web_enabled


def test_a_worker_does_without_training_libraries() -> None:
    """It starts quickly and stays small: nothing that reads models is loaded."""
    script = "import sys, profilestream.stream.worker.worker; print(*{n.partition('.')[0] for n in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT / ".pkg")},
        capture_output=True,
        check=True,
    )
    loaded = set(done.stdout.decode().split())
    assert not loaded & {"torch", "transformers", "onnxruntime", "onnx", "tokenizers", "sklearn", "pandas"}
