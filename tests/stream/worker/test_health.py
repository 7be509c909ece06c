"""A worker seen from outside, on real servers: health, metrics, outages and hangs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from structlog.testing import capture_logs

from profilestream.deploy.local.process import start_on_free_ports
from profilestream.deploy.local.valkey import valkey
from profilestream.schemas.errors import StuckError
from profilestream.stream.worker.health import HealthOptions
from profilestream.stream.worker.status import read_statuses
from tests.stream.worker.place import Place, Worker, make_place, until, working
from tests.stream.worker.test_worker import USERS, events, everything


@pytest.fixture
async def place(embedded_kafka: str, redis_url: str, unique: Callable[[str], str]) -> Place:
    """One broker is enough: none of this depends on which."""
    place = make_place(embedded_kafka, redis_url, unique)
    await place.prepare()
    return place


class Outside:
    """Asks a worker over HTTP."""

    def __init__(self, address: str, client: aiohttp.ClientSession) -> None:
        self.address = address
        self._client = client

    async def ask(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status and body."""
        async with self._client.get(path) as answer:
            return answer.status, await answer.json()

    async def status(self, path: str) -> int:
        """The status alone."""
        return (await self.ask(path))[0]

    async def metrics(self) -> dict[str, float]:
        """Each sample of a scrape, by name and labels as they are written."""
        async with self._client.get("/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


@asynccontextmanager
async def watched(place: Place, **changes: Any) -> AsyncIterator[tuple[Worker, Outside]]:
    """A worker, and somebody who looks at it where the log says that it can be looked at."""
    with capture_logs() as logs:
        async with working(place, **changes) as worker:

            async def said() -> bool:
                return any(entry["event"] == "health endpoint" for entry in logs)

            await until(said, worker)
            address = next(entry["live"] for entry in logs if entry["event"] == "health endpoint").removesuffix("/live")
            async with aiohttp.ClientSession(address) as client:
                yield worker, Outside(address, client)


async def test_a_worker_says_how_it_is(place: Place) -> None:
    """Live and ready when it has partitions; what it did is in its metrics, and where to ask is in its status."""
    await place.send(*events(140))
    await place.send_raw((b"user0", b"rubbish"))
    async with watched(place) as (worker, outside):
        await until(lambda: everything(place, 140), worker)

        async def ready() -> bool:
            return await outside.status("/ready") == 200

        await until(ready, worker)
        _, body = await outside.ask("/ready")
        assert (len(body["partitions"]), body["problems"], body["model"]) == (4, {}, worker.embedder.model)
        assert {breaker["state"] for breaker in body["breakers"].values()} == {"closed"}
        assert await outside.status("/live") == 200

        async def counted() -> bool:
            return (await outside.metrics())['profilestream_events_total{outcome="applied"}'] == 140

        await until(counted, worker)
        metrics = await outside.metrics()
        assert metrics['profilestream_dead_letters_total{reason="not_avro"}'] == 1
        assert metrics["profilestream_partitions"] == 4
        assert metrics["profilestream_batch_events_sum"] == 141
        for stage in ("decode", "embed", "apply", "publish"):
            assert metrics[f'profilestream_stage_seconds_count{{stage="{stage}"}}'] > 0
        store = place.store()
        (told,) = (await read_statuses(store.client)).values()
        await store.close()
        assert told["health"].startswith("http://127.0.0.1:")
        assert told["breakers"]["store"] == {"state": "closed", "seconds": 0.0}
        await worker.stop()


async def test_with_the_encoder_away_it_waits_and_keeps_little(place: Place) -> None:
    """Consumption pauses, /ready says why, and however much is sent, no more is held; then it goes on by itself."""
    async with watched(place) as (worker, outside):
        await place.send(*events(7))
        await until(lambda: everything(place, 7), worker)
        worker.embedder.fail()
        held = []
        for first in range(7, 2107, 700):
            await place.send(*events(700, first=first))

            async def waiting() -> bool:
                return (await outside.metrics())['profilestream_breaker_state{service="encoder",state="closed"}'] == 0

            await until(waiting, worker)
            held.append((await outside.metrics())["profilestream_events_in_flight"])
        limits = place.options.batches
        # The batches in flight, the buffer before the engine, and what one fetch may put there beyond it.
        assert 0 < max(held) <= limits.events * (limits.in_flight + 2)
        status, body = await outside.ask("/ready")
        assert (status, list(body["problems"])) == (503, ["encoder"])
        assert await outside.status("/live") == 200
        worker.embedder.recover()
        await until(lambda: everything(place, 2107), worker)
        await worker.stop()
    assert sum(await place.counts(*USERS)) == 2107


async def test_a_hang_ends_the_worker(place: Place) -> None:
    """A call that never returns is no outage that could be waited for: the worker ends, what it had is read again."""
    async with watched(place, health=HealthOptions(watchdog_seconds=3.0)) as (worker, _):
        await place.send(*events(7))
        await until(lambda: everything(place, 7), worker)
        worker.embedder.hang()
        await place.send(*events(70, first=7))
        async with asyncio.timeout(60):
            with pytest.raises(StuckError):
                await worker.task
    assert await place.committed() == 7


async def test_waiting_for_a_service_is_no_hang(place: Place) -> None:
    """An encoder that is known to be away does not make the watchdog bite, however long it takes."""
    async with watched(place, health=HealthOptions(watchdog_seconds=4.0)) as (worker, outside):
        await place.send(*events(7))
        await until(lambda: everything(place, 7), worker)
        worker.embedder.fail()
        await place.send(*events(70, first=7))

        async def probed_for_long() -> bool:
            name = 'profilestream_service_failures_total{service="encoder"}'
            return (await outside.metrics())[name] >= 6

        await until(probed_for_long, worker)
        worker.embedder.recover()
        await until(lambda: everything(place, 77), worker)
        await worker.stop()


@pytest.mark.parametrize("hangs", [False, True])
async def test_with_redis_away_it_stops_within_its_bound(
    embedded_kafka: str, unique: Callable[[str], str], tmp_path: Path, hangs: bool
) -> None:
    """SIGTERM is heard while Redis is gone, or takes calls and answers none."""
    server = await start_on_free_ports(lambda: valkey(tmp_path), tmp_path)
    (store,) = psutil.Process(server.pid).children()
    try:
        place = make_place(embedded_kafka, server.address, unique)
        await place.prepare()
        await place.send(*events(70))
        async with working(place, shutdown_seconds=1.0) as worker:
            await until(lambda: everything(place, 70), worker)
            store.suspend() if hangs else await server.stop()
            await place.send(*events(70, first=70))
            async with asyncio.timeout(30):
                await worker.stop()
    finally:
        if hangs:
            store.resume()
        await server.stop()
