"""What Kafka gives, as a Source of the engine."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter

from ..engine.ports import Partition, Record

_PARTITION = attrgetter("partition")


class BatchSource:
    """A bounded buffer: whole fetched batches go in, the engine's own batches come out.

    Args:
        room: While so many records wait here, no more are taken.
        acknowledged: Told what `acknowledge` is told.
        clock: Seconds, from any point on.
    """

    def __init__(
        self,
        room: int,
        acknowledged: Callable[[Partition, int], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._room = room
        self._acknowledged = acknowledged
        self._clock = clock
        self._taken: tuple[float, int] | None = None  # when the engine took how many, and left some; None: it waited
        self._each = 0.0  # seconds between two records that the engine took while others waited
        self._records: deque[Record] = deque()
        self._pending: dict[Partition, deque[int]] = {}
        self._changed = asyncio.Event()
        self._closed = False
        self._draining = False

    async def put(self, records: Sequence[Record]) -> None:
        """Take records, when there is room. After `drained` or `close` they are left to be read again."""
        await self._until(lambda: self._ending or len(self._records) < self._room)
        if not self._ending:
            self._records.extend(records)
            for partition, of_it in groupby(records, key=_PARTITION):
                self._pending.setdefault(partition, deque()).extend(record.offset for record in of_it)
            self._changed.set()

    async def arrived(self) -> None:
        """See Source."""
        await self._until(lambda: self._closed or bool(self._records))

    async def fetch(self, most: int, within: float) -> Sequence[Record]:
        """See Source."""
        await self.arrived()
        if self._taken:
            since, taken = self._taken
            self._each = (self._clock() - since) / taken
        if not self._closed and len(self._records) < most:
            try:
                async with asyncio.timeout(within):
                    await self._until(lambda: self._closed or len(self._records) >= most)
            except TimeoutError:
                pass
        records = [self._records.popleft() for _ in range(min(most, len(self._records)))]
        self._taken = (self._clock(), len(records)) if self._records else None
        self._changed.set()
        return records

    def acknowledge(self, partition: Partition, next_offset: int) -> None:
        """See Source."""
        pending = self._pending.get(partition, deque())
        while pending and pending[0] < next_offset:
            pending.popleft()
        if not self._closed:
            self._acknowledged(partition, next_offset)
        self._changed.set()

    def backlog(self) -> float:
        """Seconds until the engine will have taken what waits here, at the speed at which it took the last ones."""
        return len(self._records) * self._each

    def waiting(self) -> int:
        """How many records were taken and not yet acknowledged."""
        return sum(map(len, self._pending.values()))

    async def drained(self) -> None:
        """Give no more, and wait until what was given is acknowledged, or the source is closed.

        What waits here is left to be read again: it is much, and whoever comes next needs it no less soon.
        """
        self._draining = True
        for record in reversed(self._records):
            self._pending[record.partition].pop()
        self._records.clear()
        self._changed.set()
        await self._until(lambda: self._closed or not self.waiting())

    def close(self) -> None:
        """Take no more, give no more, and forget what was not acknowledged."""
        self._closed = True
        self._pending.clear()
        self._records.clear()
        self._changed.set()

    @property
    def _ending(self) -> bool:
        return self._closed or self._draining

    async def _until(self, true: Callable[[], bool]) -> None:
        """Wait for a condition that only calls of this object change."""
        while not true():
            # Several may wait, each for something else: all look whenever anything changes.
            self._changed.clear()
            await self._changed.wait()
