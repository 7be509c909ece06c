"""One engine after the other: each assignment of partitions gets its own."""

import asyncio
from collections.abc import Callable

import structlog

from ...inference.breaker import Breakers
from ..engine.engine import Engine
from ..engine.ports import Partition
from ..kafka.transactions import TransactionalSink
from .consumer import Batch
from .source import BatchSource

log = structlog.get_logger(__name__)


class Host:
    """Runs one engine from one assignment of partitions to the next.

    Args:
        make_engine: Gives an engine that reads from a source.
        buffer: Events that may wait for the engine.
        failed: Called with the error when an engine fails.
        breakers: Of its services.
        fence: Told of every assignment, to shut out whoever had the partitions before.

    Attributes:
        partitions: Those that we have.
        assignment: How many assignments there were.
        acknowledge: Told what is finished.
    """

    acknowledge: Callable[[Partition, int], None]

    def __init__(
        self,
        make_engine: Callable[[BatchSource], Engine],
        buffer: int,
        failed: Callable[[BaseException], None],
        breakers: Breakers,
        fence: TransactionalSink | None = None,
    ) -> None:
        self._make_engine = make_engine
        self._buffer = buffer
        self._failed = failed
        self._breakers = breakers
        self._fence = fence
        self._source: BatchSource | None = None
        self._task: asyncio.Task[None] | None = None
        self.partitions: list[str] = []
        self.assignment = 0

    async def put(self, batch: Batch) -> None:
        """See EngineHost."""
        if self._source and batch.assignment == self.assignment:
            await self._source.put(batch.records)

    def backlog(self) -> float:
        """See BatchHost."""
        return self._source.backlog() if self._source else 0.0

    def waiting(self) -> int:
        """Events that were handed over and are not yet acknowledged."""
        return self._source.waiting() if self._source else 0

    async def drained(self) -> None:
        """See BatchHost."""
        if self._source:
            await self._source.drained()

    def abandon(self) -> None:
        """See EngineHost."""
        if self._source:
            if waiting := self.waiting():
                log.warning("unfinished events are left to be read again", events=waiting)
            self._source.close()
        if self._task:
            self._task.cancel()

    async def renew(self, partitions: list[Partition]) -> None:
        """See EngineHost."""
        self.abandon()
        if self._task:
            await asyncio.gather(self._task, return_exceptions=True)
        self.partitions = [str(partition) for partition in partitions]
        if fence := self._fence:
            await self._breakers.broker.call(lambda: fence.assign(partitions))
        self.assignment += 1
        self._source = BatchSource(self._buffer, self.acknowledge)
        self._task = asyncio.create_task(self._make_engine(self._source).run(), name="engine")
        self._task.add_done_callback(self._done)
        log.info("partitions assigned", partitions=len(partitions))

    def _done(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        while isinstance(error, BaseExceptionGroup):  # several parts may meet the same trouble at once
            error = error.exceptions[0]
        if error:
            self._failed(error)
