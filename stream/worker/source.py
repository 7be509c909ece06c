"""Faust's events as a Source of the engine."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

from ..engine.ports import Partition, Record


class FaustSource:
    """A bounded queue between a Faust agent, which fills it, and the engine, which empties it.

    Events are acknowledged to Faust in the order in which they were read, never around an unfinished one: Faust's
    consumer would commit past it.

    Args:
        buffer: At most so many events wait here.
    """

    def __init__(self, buffer: int) -> None:
        self._queue: asyncio.Queue[Record | None] = asyncio.Queue(maxsize=buffer)
        self._events: dict[Partition, deque[Any]] = {}
        self._closed = False

    async def put(self, event: Any) -> None:
        """Hand a Faust event over; waits while the engine is busy. After `close` it is left to be read again."""
        message = event.message
        partition = Partition(message.topic, message.partition)
        record = Record(partition, message.offset, message.key, message.value, int(message.timestamp * 1000))
        if not self._closed:
            self._events.setdefault(partition, deque()).append(event)
            await self._queue.put(record)

    async def fetch(self, most: int, within: float) -> Sequence[Record]:
        """See Source."""
        first = await self._queue.get()
        if first is None:
            return []
        records = [first]
        deadline = asyncio.get_running_loop().time() + within
        while len(records) < most:
            try:
                record = self._queue.get_nowait()
            except asyncio.QueueEmpty:
                try:
                    async with asyncio.timeout_at(deadline):
                        record = await self._queue.get()
                except TimeoutError:
                    break
            if record is None:
                self._queue.put_nowait(None)
                break
            records.append(record)
        return records

    def acknowledge(self, partition: Partition, next_offset: int) -> None:
        """See Source."""
        events = self._events.get(partition)
        while events and events[0].message.offset < next_offset:
            events.popleft().ack()

    def waiting(self) -> int:
        """How many events were handed over and not yet acknowledged."""
        return sum(map(len, self._events.values()))

    def close(self) -> None:
        """Take no more, and forget what was not acknowledged: Faust waits for events that somebody still refers to."""
        self._closed = True
        self._events.clear()
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)
