"""How far a worker is behind, on a real broker."""

import asyncio
from collections.abc import Callable

import pytest

from profilestream.deploy.local.ports import free_port
from profilestream.stream.engine.ports import Partition
from profilestream.stream.kafka.connection import KafkaConnection
from profilestream.stream.recovery.scan import scanner
from profilestream.stream.worker.lag import Lag
from tests.stream.worker.place import PARTITIONS, Place, make_place, until, working
from tests.stream.worker.test_worker import events, everything


@pytest.fixture
async def place(embedded_kafka: str, redis_url: str, unique: Callable[[str], str]) -> Place:
    """Topics of this test's own."""
    place = make_place(embedded_kafka, redis_url, unique)
    await place.prepare()
    return place


class Reader:
    """A worker's view: what it owns, and up to where it has read."""

    def __init__(self, place: Place) -> None:
        self.owned = [f"{place.options.events}-{number}" for number in range(PARTITIONS)]
        self.positions: dict[Partition, int] = {}
        self.lag = Lag(place.options.group, place.options.events, lambda: self.owned, self.position)

    async def position(self, partition: Partition) -> int | None:
        """As Faust's consumer tells it."""
        return self.positions.get(partition)

    def behind(self) -> int:
        """Over all partitions."""
        return sum(behind.events for behind in self.lag.partitions.values())


async def test_what_was_not_committed_is_lag(place: Place) -> None:
    """All of it before a worker came, nothing after it has left, and no age without lag."""
    reader = Reader(place)
    await place.send(*events(70))
    async with scanner(place.connection) as kafka:
        await reader.lag.look(kafka)
        assert (reader.behind(), reader.lag.unread) == (70, True)
        async with working(place) as worker:
            await until(lambda: everything(place, 70), worker)
            await worker.stop()
        reader.positions = {p: span.end for p, span in (await kafka.spans(place.options.events)).items()}
        await reader.lag.look(kafka)
    assert (reader.behind(), reader.lag.unread) == (0, False)
    assert {behind.commit_age for behind in reader.lag.partitions.values()} == {0.0}


async def test_what_was_read_is_not_unread_though_it_is_lag(place: Place) -> None:
    """Behind the last message there may be a transaction's marker: that is no reason to end a worker."""
    reader = Reader(place)
    await place.send(*events(70))
    async with scanner(place.connection) as kafka:
        reader.positions = {p: span.end for p, span in (await kafka.spans(place.options.events)).items()}
        await reader.lag.look(kafka)
    assert (reader.behind(), reader.lag.unread) == (70, False)


async def test_other_workers_partitions_are_theirs(place: Place) -> None:
    """Each tells of its own, so that a sum over workers is right."""
    reader = Reader(place)
    reader.owned = reader.owned[:1]
    await place.send(*events(70))
    async with scanner(place.connection) as kafka:
        await reader.lag.look(kafka)
    assert list(reader.lag.partitions) == reader.owned


async def test_a_broker_that_is_away_is_said(place: Place) -> None:
    """It is no lag that anybody could do something about."""
    reader = Reader(place)
    reader.lag.unread = True
    following = asyncio.create_task(reader.lag.follow(KafkaConnection(bootstrap=f"127.0.0.1:{free_port()}")))

    async def said() -> bool:
        return bool(reader.lag.error)

    await until(said)
    following.cancel()
    assert "no Kafka broker answers" in reader.lag.error
    assert not reader.lag.unread
