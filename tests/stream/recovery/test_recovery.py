"""Restoring, verifying and looking, with a worker on real servers."""

from profilestream.schemas.validation import Limits
from profilestream.stream.engine.ports import Record
from profilestream.stream.recovery.comparison import Updates, UpdatesReader, compare
from profilestream.stream.recovery.fold import Fold
from profilestream.stream.recovery.look import Observer
from profilestream.stream.recovery.restore import Rebuild, restore
from profilestream.stream.recovery.scan import scanner
from profilestream.stream.recovery.store import ErasableRedis
from profilestream.stream.recovery.verify import Checked, Verifier
from profilestream.stream.store.base import Stored
from tests.stream.worker.place import PARTITIONS, Place, until, working
from tests.stream.world import LAYOUT, event

USERS = [f"user{number}" for number in range(7)]
IN_FLIGHT = 3 * 16


def events(count: int, first: int = 0):
    """Events of all users in turn."""
    return [event(number, USERS[number % len(USERS)]) for number in range(first, first + count)]


async def applied(place: Place, count: int) -> bool:
    """Whether so many events are in the profiles."""
    return sum(await place.counts(*USERS)) >= count


async def differences(place: Place) -> tuple[list[str], Checked]:
    """What differs from profile-updates, and from the fold of all events."""
    store = place.store()
    async with scanner(place.connection) as scan:
        updates = Updates()
        reader = UpdatesReader(scan, place.options.outputs.updates, updates)
        await reader.read()
        found = await compare(store, updates, reader.read, between=0.0)
        spans, fold = await scan.spans(place.options.events), Fold(LAYOUT, Limits())
        for partition, span in spans.items():
            async for records in scan.read(partition, span):
                await fold.take([Record(partition, r.offset, r.key, r.value, r.timestamp) for r in records])
        settled = {str(p): offset for p, offset in (await scan.committed(place.options.group, spans)).items()}
        checked = await Verifier(store, LAYOUT, spans=spans, whole=True, settled=settled, ignore=set()).check(fold)
    await store.close()
    return [f"{d.user} {d.kind}" for d in found], checked


async def test_an_empty_redis_is_restored_and_the_worker_goes_on(place: Place) -> None:
    """After FLUSHALL and a restore every event is in its profile once, those included that came meanwhile."""
    await place.send(*events(280))
    async with working(place) as worker:
        await until(lambda: applied(place, 280), worker)
        await worker.stop()
    store = ErasableRedis.connect(place.redis_url)
    before = await store.load(USERS)
    await store.client.flushall()
    async with scanner(place.connection) as scan:
        result = await restore(scan, place.options.outputs.updates, Rebuild(store))
        spans = await scan.spans(place.options.events)
        committed = {str(p): offset for p, offset in (await scan.committed(place.options.group, spans)).items()}
    await store.save_watermarks(result.watermarks(IN_FLIGHT, committed))
    assert await store.load(USERS) == before
    assert result.users == len(USERS)
    await place.publish_models()
    await place.send(*events(70, first=280))
    async with working(place) as worker:
        await until(lambda: applied(place, 350), worker)
        said = await worker.stop()
    assert said["applied"] == 70
    assert await place.counts(*USERS) == [50] * 7
    found, checked = await differences(place)
    assert (found, checked.exact, checked.differences) == ([], 7, [])
    await store.close()


async def test_tampered_missing_and_old_profiles_are_found(place: Place) -> None:
    """Beside profile-updates and beside the events."""
    await place.send(*events(70))
    store = ErasableRedis.connect(place.redis_url)
    async with working(place) as worker:
        await until(lambda: applied(place, 70), worker)
        old = (await store.load(["user2"]))[0]
        assert old
        await place.send(*events(70, first=70))
        await until(lambda: applied(place, 140), worker)
        await worker.stop()
    tampered, _ = await store.load(["user0", "user1"])
    assert tampered
    await put(store, "user0", Stored(tampered.revision, tampered.state.replace(b"word", b"worm")))
    await put(store, "user2", old)
    await store.erase(["user1"])
    found, checked = await differences(place)
    assert found == ["user0 different", "user1 missing", "user2 behind"]
    assert {d.user: d.kind for d in checked.differences} == {"user1": "missing", "user2": "behind"}
    await store.close()


async def put(store: ErasableRedis, user: str, value: Stored) -> None:
    """Write past compare-and-set, as nobody should."""
    await store.client.set(f"profile:{user}", value.revision.to_bytes(8, "big") + value.state)


async def test_a_look_shows_workers_partitions_and_lag(place: Place) -> None:
    """Before a worker runs all is lag and nobody's; with it, who owns what, how fast, and no lag in the end."""
    await place.send(*events(70))
    store = place.store()
    async with scanner(place.connection) as scan:
        observer = Observer(scan, store, place.options.group, place.options.events)
        first = await observer.look()
        assert (first.lag, len(first.partitions), first.workers) == (70, PARTITIONS, {})
        assert all(p.owner is None and p.committed is None and p.commit_age is None for p in first.partitions)
        async with working(place) as worker:

            async def done() -> bool:
                look = await observer.look()
                return bool(look.rates) and look.lag == 0 and all(p.owner for p in look.partitions)

            await until(done, worker)
            last = await observer.look()
            await worker.stop()
    await store.close()
    ((name, status),) = last.workers.items()
    assert {p.owner for p in last.partitions} == {name}
    assert status["model"] == "hash-v1"
    assert all(p.watermark == p.committed == p.end and not p.rewind for p in last.partitions if p.end)
    assert any(p.commit_age is not None for p in last.partitions)
    assert last.as_dict()["lag"] == 0
