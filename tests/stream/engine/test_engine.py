"""The whole pipeline on the twins: every event once, in whatever way it goes wrong."""

import asyncio
import contextlib
from collections.abc import Sequence

import numpy as np
import pytest

from profilestream.inference.breaker import Breakers
from profilestream.inference.embedder import Embeddings
from profilestream.inference.hashing import HashEmbedder
from profilestream.schemas.codec import decode_dead_letter, decode_update, encode
from profilestream.stream.engine.engine import DEAD_LETTER_HEADER, Engine
from profilestream.stream.engine.memory import MemoryLog, MemorySink, MemorySource
from profilestream.stream.engine.ports import Record
from profilestream.stream.profile.state import decode_states
from profilestream.stream.profile.table import ProfileTable
from profilestream.stream.store.memory import MemoryStore
from tests.stream.world import LAYOUT, NOW, World, event


async def profiles(world: World, *users: str) -> ProfileTable:
    """The stored profiles of some users."""
    stored = await world.store.load(users)
    return decode_states([value and value.state for value in stored], LAYOUT, world.embedder.model)


def revisions(world: World, user: str) -> list[int]:
    """Revisions of a user's updates, in the order in which a consumer sees them."""
    return [
        decode_update(message.value).revision
        for message in world.log.messages("profile-updates")
        if message.key == user.encode()
    ]


async def test_every_event_is_in_its_users_profile_once() -> None:
    """Many users, many batches: the counts are exactly what was sent."""
    world = World()
    world.send(*[event(n, f"user{n % 7}") for n in range(300)])
    engine = world.engine()
    await engine.run()
    table = await profiles(world, *[f"user{n}" for n in range(7)])
    assert table.events.tolist() == [43, 43, 43, 43, 43, 43, 42]
    assert engine.counters.applied == 300


async def test_the_last_update_is_the_stored_profile() -> None:
    """A consumer of profile-updates ends with what Redis has, and sees revisions only grow."""
    world = World()
    world.send(*[event(n, f"user{n % 3}") for n in range(100)])
    await world.engine().run()
    last = {m.key: decode_update(m.value) for m in world.log.messages("profile-updates")}
    for user in ("user0", "user1", "user2"):
        (stored,) = await world.store.load([user])
        assert stored is not None
        assert last[user.encode()].state == stored.state
        assert last[user.encode()].revision == stored.revision
        assert revisions(world, user) == sorted(revisions(world, user))


async def test_reading_again_changes_nothing() -> None:
    """After a crash before the commit all is read again: skipped, but its updates are published again."""
    world = World()
    world.send(*[event(n) for n in range(40)])
    await world.engine().run()
    before = await world.store.load(["ada"])
    world.log.committed.clear()
    again = world.engine()
    await again.run()
    assert await world.store.load(["ada"]) == before
    assert (again.counters.applied, again.counters.skipped) == (0, 40)
    assert revisions(world, "ada")[-1] == before[0].revision  # type: ignore[union-attr]


async def test_a_replay_gives_the_same_bytes() -> None:
    """Stochastic rounding is seeded by where the events are, so two runs agree to the last bit."""
    states = []
    for _ in range(2):
        world = World()
        world.send(*[event(n) for n in range(64)])
        await world.engine().run()
        states.append(await world.store.load(["ada"]))
    assert states[0] == states[1]


@pytest.mark.parametrize("within_a_batch", [True, False])
async def test_an_id_that_is_sent_twice_counts_once(within_a_batch: bool) -> None:
    """A producer that tries again makes no second event, in the same batch or a later one."""
    world = World()
    world.send(event(1), event(2), event(1))
    engine = world.engine(batch=16 if within_a_batch else 1)
    await engine.run()
    assert (await profiles(world, "ada")).events.tolist() == [2]
    assert engine.counters.skipped == 1


NOT_AVRO = b"{json}"
FROM_ANOTHER_SCHEMA = b"\xc3\x01\x00\x00\x00\x00\x00\x00\x00\x00rest"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (NOT_AVRO, "not_avro"),
        (FROM_ANOTHER_SCHEMA, "unknown_schema"),
        (encode(event(1))[:-3], "undecodable"),
        (None, "tombstone"),
        (encode(event(1, user=" ")), "empty_user"),
        (encode(event(1, text=None)), "missing_text"),
        (encode(event(1, text="x" * 1_000_000)), "text_too_long"),
        (encode(event(1, time=253_402_300_799_000)), "time_out_of_range"),
        (encode(event(1, time=0)), "time_out_of_range"),
        (encode(event(1, properties={"price": float("nan")})), "not_a_number"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_bad_event_goes_to_dead_letters_and_the_stream_goes_on(value: bytes | None, reason: str) -> None:
    """Rubbish is set aside with its reason and its original bytes; what is behind it in the partition is applied."""
    world = World()
    partition, offset = world.log.append(
        "user-events", b"ada" if reason != "empty_user" else b" ", value, timestamp=NOW
    )
    world.send(event(2))
    await world.engine().run()
    (letter,) = world.log.messages("dead-letters")
    told = decode_dead_letter(dict(letter.headers)[DEAD_LETTER_HEADER])
    assert letter.value == value
    assert (told.reason, told.topic, told.partition, told.offset) == (reason, "user-events", partition.number, offset)
    assert (await profiles(world, "ada")).events.tolist() == [1]


async def test_a_late_event_counts_with_its_own_time() -> None:
    """An event from last year does not push the profile's time back, and hardly counts."""
    world = World()
    world.send(event(1), event(2, time=NOW - 365 * 86_400_000))
    await world.engine().run()
    table = await profiles(world, "ada")
    assert table.last.tolist() == [NOW + 1]
    assert table.first.tolist() == [NOW - 365 * 86_400_000]
    assert 1.0 < table.weights[0, -1] < 1.001


async def test_personal_data_is_not_stored() -> None:
    """An address in a text is neither in the profile nor in the update."""
    world = World()
    world.send(*[event(n, text=f"write to ada.lovelace@example.org {n}") for n in range(20)])
    await world.engine().run()
    stored = await world.store.load(["ada"])
    assert b"lovelace" not in stored[0].state  # type: ignore[union-attr]
    assert all(b"lovelace" not in (m.value or b"") for m in world.log.messages("profile-updates"))


async def run_until(engine: Engine, condition) -> asyncio.Task[None]:
    """Start an engine and let it work until something is true."""
    task = asyncio.create_task(engine.run())
    await until(task, condition)
    return task


async def until(task: asyncio.Task[None], condition) -> None:
    """Let an engine that runs work on until something is true."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)
            assert not task.done() or condition(), "the engine ended early"


@pytest.mark.parametrize("service", ["encoder", "store", "broker"])
async def test_a_service_that_goes_away_costs_nothing(service: str) -> None:
    """With Triton, Redis or Kafka down the engine waits, bounded, and loses nothing when they return."""
    world = World()
    world.send(*[event(n, f"user{n % 5}") for n in range(200)])
    part = {"encoder": world.embedder, "store": world.store, "broker": world.log}[service]
    part.fail()
    engine = world.engine()
    task = await run_until(engine, lambda: engine.counters.received >= 2 * 16)
    await run_on()
    assert engine.counters.received == 2 * 16  # two full batches in flight, and no more are fetched
    part.recover()
    await task
    assert engine.counters.applied == 200
    assert (await profiles(world, *[f"user{n}" for n in range(5)])).events.tolist() == [40] * 5


async def test_of_large_batches_fewer_are_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a service is away, a worker holds no more records than it has memory for, whatever batches there may be."""
    monkeypatch.setattr("profilestream.stream.engine.engine.MOST_OPEN", 20)
    world = World()
    world.send(*[event(n) for n in range(200)])
    world.embedder.fail()
    engine = world.engine()
    task = await run_until(engine, lambda: engine.counters.received >= 16)
    await run_on()
    assert engine.counters.received == 16
    world.embedder.recover()
    await task
    assert engine.counters.applied == 200


async def test_of_small_batches_more_are_in_flight_than_of_full_ones() -> None:
    """Events that come one by one do not wait for each other; under load, larger batches cost less."""
    free = asyncio.Event()

    class Slow(HashEmbedder):
        async def embed(self, texts: Sequence[str]) -> Embeddings:
            await free.wait()
            return await super().embed(texts)

    world = World(embedder=Slow())
    source = MemorySource(world.log, "user-events", follow=True)
    engine = world.engine(source)
    task = asyncio.create_task(engine.run())
    for number in range(4):
        world.send(event(number))
        await run_on()
    assert engine.counters.received == 3
    free.set()
    await until(task, lambda: engine.counters.applied == 4)
    source.close()
    await task


async def test_nothing_is_read_while_a_call_waits() -> None:
    """With a service away, what is new stays in the log, though there would be room for it in flight."""
    world, breakers = World(), Breakers()
    source = MemorySource(world.log, "user-events", follow=True)
    engine = world.engine(source, breakers=breakers)
    world.send(event(0))
    world.embedder.fail()
    task = await run_until(engine, lambda: breakers.encoder.blocking)
    world.send(*[event(n) for n in range(1, 17)])
    await run_on()
    before = engine.counters.received
    world.send(*[event(n) for n in range(17, 200)])
    await run_on()
    assert engine.counters.received == before <= 17  # one batch was being fetched when the breaker opened
    world.embedder.recover()
    source.close()
    await task
    assert engine.counters.applied == 200


async def test_an_event_waits_for_company_only_while_the_encoder_works() -> None:
    """Whoever comes alone is served at once, also when somebody was served before."""
    free = asyncio.Event()

    class Slow(HashEmbedder):
        async def embed(self, texts: Sequence[str]) -> Embeddings:
            if "slow" in texts:
                await free.wait()
            return await super().embed(texts)

    class Watched(MemorySource):
        waits: tuple[float, ...] = ()

        async def fetch(self, most: int, within: float) -> Sequence[Record]:
            self.waits += (within,)
            return await super().fetch(most, within)

    world = World(embedder=Slow())
    source = Watched(world.log, "user-events", follow=True)
    engine = world.engine(source, seconds=0.5)
    world.send(event(0))
    task = await run_until(engine, lambda: engine.counters.applied == 1)
    world.send(event(1))
    await until(task, lambda: engine.counters.applied == 2)
    world.send(event(2, text="slow"))
    await until(task, lambda: engine.counters.received == 3)
    world.send(event(3))
    await until(task, lambda: engine.counters.received == 4)
    assert source.waits == (0.0, 0.0, 0.0, 0.5)
    free.set()
    source.close()
    await task


async def run_on() -> None:
    """Let the engine do what it would do."""
    for _ in range(100):
        await asyncio.sleep(0)


async def test_nothing_is_acknowledged_before_its_update_is_safe() -> None:
    """While the broker takes no updates, the offsets stay where they are."""
    world = World()
    world.send(*[event(n) for n in range(50)])
    world.log.fail()
    engine = world.engine()
    task = await run_until(engine, lambda: engine.counters.received >= 32)
    assert world.log.committed == {}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    world.log.recover()
    await world.engine().run()
    assert (await profiles(world, "ada")).events.tolist() == [50]


async def test_nothing_is_acknowledged_past_what_is_unfinished() -> None:
    """A batch that the encoder is done with sooner waits for those that were read before it."""
    first, done = asyncio.Event(), 0

    class Slow(HashEmbedder):
        async def embed(self, texts: Sequence[str]) -> Embeddings:
            nonlocal done
            if "slow" in texts:
                await first.wait()
            done += 1
            return await super().embed(texts)

    world = World(embedder=Slow())
    world.send(event(0, text="slow"), *[event(n, text=f"cat {n}") for n in range(1, 32)])
    engine = world.engine()
    task = await run_until(engine, lambda: done == 1)
    await run_on()
    assert world.log.committed == {}
    first.set()
    await task
    assert sum(world.log.committed.values()) == 32


async def test_two_workers_on_one_partition_do_not_double() -> None:
    """A zombie that goes on writing loses the compare-and-set; together they apply each event once."""
    world = World(log=MemoryLog(partitions=1))
    world.send(*[event(n, f"user{n % 3}") for n in range(90)])
    engines = [
        world.engine(MemorySource(world.log, "user-events"), MemorySink(world.log), batch=size) for size in (7, 11)
    ]
    await asyncio.gather(*[engine.run() for engine in engines])
    assert (await profiles(world, "user0", "user1", "user2")).events.tolist() == [30, 30, 30]
    assert sum(engine.counters.applied for engine in engines) == 90


async def test_profiles_do_not_depend_on_how_events_are_batched() -> None:
    """One by one or by the hundred: the same profile, but for the rounding of storage."""
    tables = []
    for size in (1, 13, 100):
        world = World()
        world.send(*[event(n) for n in range(100)])
        await world.engine(batch=size).run()
        tables.append(await profiles(world, "ada"))
    for table in tables[1:]:
        np.testing.assert_allclose(table.labels, tables[0].labels, rtol=1e-5)
        np.testing.assert_allclose(table.weights, tables[0].weights, rtol=1e-9)
        np.testing.assert_allclose(table.vector, tables[0].vector, atol=0.05 * np.abs(tables[0].vector).max())


async def test_what_many_say_is_asked_once() -> None:
    """A search that a hundred users make costs the encoder one text, and is in each one's profile."""
    asked: list[str] = []

    class Listening(HashEmbedder):
        async def embed(self, texts: Sequence[str]) -> Embeddings:
            asked.extend(texts)
            return await super().embed(texts)

    world = World(embedder=Listening())
    world.send(*[event(n, f"user{n}", text=f"cat {n % 2}") for n in range(100)])
    await world.engine(batch=100).run()
    assert sorted(asked) == ["cat 0", "cat 1"]
    one, other = [(await profiles(world, f"user{n}")).evidence[0][0] for n in (7, 9)]
    assert (one.event, other.event) == ("e7", "e9")
    assert one.excerpt == other.excerpt == "cat 1"


async def test_a_lost_cancellation_does_not_keep_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of the store that answers as it is cancelled, as redis-py may, lets the engine end all the same."""
    monkeypatch.setattr("profilestream.stream.engine.engine.WATCH_SECONDS", 0.0)
    checked = asyncio.Event()

    class Deaf(MemoryStore):
        async def check(self) -> None:
            checked.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    world = World(store=Deaf())
    source = MemorySource(world.log, "user-events", follow=True)
    task = asyncio.create_task(world.engine(source).run())
    await checked.wait()
    source.close()
    async with asyncio.timeout(10):
        await task


async def test_a_source_that_follows_ends_when_it_is_closed() -> None:
    """What is written while the engine runs is applied; closing the source lets it finish."""
    world = World()
    source = MemorySource(world.log, "user-events", follow=True)
    engine = world.engine(source)
    task = asyncio.create_task(engine.run())
    world.send(event(1))
    async with asyncio.timeout(10):
        while not engine.counters.applied:
            await asyncio.sleep(0)
    world.send(event(2))
    source.close()
    await task
    assert engine.counters.applied in (1, 2)
