"""The buffer between Kafka and the engine."""

import asyncio

from profilestream.stream.engine.ports import Partition, Record
from profilestream.stream.worker.source import BatchSource

ONE, TWO = Partition("events", 1), Partition("events", 2)


def records(partition: Partition, *offsets: int) -> list[Record]:
    """Records without content."""
    return [Record(partition, offset, None, None, 0) for offset in offsets]


class Told(list[tuple[Partition, int]]):
    """What was acknowledged."""

    def __call__(self, partition: Partition, next_offset: int) -> None:
        """Remember it."""
        self.append((partition, next_offset))


async def test_what_goes_in_comes_out_in_order() -> None:
    """Fetched batches of any size become batches of the engine's size, and nothing is left out."""
    source = BatchSource(100, Told())
    await source.put(records(ONE, *range(7)))
    await source.put(records(ONE, *range(7, 10)))
    fetched = [await source.fetch(4, 0.0) for _ in range(3)]
    assert [[record.offset for record in batch] for batch in fetched] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_a_batch_waits_for_more_no_longer_than_it_may() -> None:
    """A lone event is not kept waiting for company that does not come."""
    source = BatchSource(100, Told())
    fetching = asyncio.create_task(source.fetch(4, 0.01))
    await source.put(records(ONE, 1))
    assert len(await fetching) == 1


async def test_it_says_when_there_is_something() -> None:
    """Who waits for a record takes none, and is woken by the first one and by the end."""
    source = BatchSource(100, Told())
    waiting = asyncio.create_task(source.arrived())
    await asyncio.sleep(0)
    assert not waiting.done()
    await source.put(records(ONE, 1))
    await waiting
    await source.fetch(1, 0.0)
    waiting = asyncio.create_task(source.arrived())
    source.close()
    await waiting


async def test_a_full_buffer_makes_the_reader_wait() -> None:
    """Memory stays bounded while the engine is busy: the next batch is taken when there is room."""
    source = BatchSource(2, Told())
    await source.put(records(ONE, 0, 1, 2))
    waiting = asyncio.create_task(source.put(records(ONE, 3)))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert len(await source.fetch(2, 0.0)) == 2
    await waiting


async def test_it_says_how_long_the_engine_will_be_busy_with_what_waits() -> None:
    """Meanwhile nobody needs to ask the broker; where the engine waits for events, it must be asked at once."""
    now = 0.0
    source = BatchSource(100, Told(), lambda: now)
    await source.put(records(ONE, *range(10)))
    assert source.backlog() == 0
    await source.fetch(2, 0.0)
    now = 3.0
    await source.fetch(2, 0.0)
    assert source.backlog() == 6 * 1.5
    await source.fetch(6, 0.0)
    assert source.backlog() == 0
    now = 60.0  # a pause says nothing about the engine
    await source.put(records(ONE, *range(10, 20)))
    await source.fetch(2, 0.0)
    now = 61.0
    await source.fetch(2, 0.0)
    assert source.backlog() == 6 * 0.5


async def test_it_is_drained_when_all_that_was_given_is_acknowledged() -> None:
    """Partitions are handed over when the engine has finished what it has, and not before; the rest is read again."""
    told = Told()
    source = BatchSource(100, told)
    await source.put(records(ONE, 5) + records(TWO, 9) + records(ONE, 6, 7) + records(TWO, 10))
    assert len(await source.fetch(2, 0.0)) == 2
    draining = asyncio.create_task(source.drained())
    source.acknowledge(ONE, 6)
    await asyncio.sleep(0)
    assert not draining.done()
    assert source.waiting() == 1
    await source.put(records(ONE, 8))
    source.acknowledge(TWO, 10)
    await draining
    assert told == [(ONE, 6), (TWO, 10)]
    assert source.waiting() == 0


async def test_a_closed_source_keeps_nobody() -> None:
    """When partitions are gone, readers and the engine end at once, and late words about them go nowhere."""
    told = Told()
    source = BatchSource(1, told)
    await source.put(records(ONE, 0))
    putting = asyncio.create_task(source.put(records(ONE, 1)))
    draining = asyncio.create_task(source.drained())
    await asyncio.sleep(0)
    source.close()
    await asyncio.gather(putting, draining)
    assert await source.fetch(1, 60.0) == []
    source.acknowledge(ONE, 1)
    assert told == []
    assert source.waiting() == 0
