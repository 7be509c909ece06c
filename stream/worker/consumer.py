"""Faust's consumer, made to read in batches, to go back where Redis lost writes, and to end when it is told to.

Faust gives each message to its agents one by one, at some 60 microseconds each, and keeps a list of those that were
acknowledged. Here what one fetch brought goes to the agent as it is, and what may be committed is a number for each
partition. Joining, rebalancing, seeking and when to commit remain Faust's.

Kafka remembers what we committed, Redis what is in the profiles. After a failover Redis may have forgotten its last
writes; its watermark then lies before Kafka's committed offset, and we read from there again. What is in the profiles
already is skipped by the offsets that they hold.

With the broker gone, aiokafka goes on trying to commit for ever, and its consumer's end is lost on Faust, which then
waits a minute for it. Both are bounded here: what was not committed will be read again, and skipped.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP

from ..engine.ports import Partition, Record
from ..engine.position import resume_at
from ..kafka.fetch_wait import FetchWait

FETCH_SECONDS = 1.0
LEAVE_SECONDS = 2.0  # for the last words to the group's coordinator

Watermarks = Callable[[], Awaitable[dict[str, int]]]

log = structlog.get_logger(__name__)

_new = tuple.__new__


@dataclass(frozen=True, slots=True)
class Batch:
    """What one fetch brought.

    Attributes:
        assignment: The number of the assignment under which it was fetched: later, it is void.
        records: Those of a partition in order.
    """

    assignment: int
    records: Sequence[Record]


class BatchHost(Protocol):
    """Where batches go, from one assignment of partitions to the next."""

    @property
    def assignment(self) -> int:
        """How many assignments there were."""
        ...

    def backlog(self) -> float:
        """Seconds until the engine will have taken what was handed on."""
        ...

    async def drained(self) -> None:
        """Wait until everything that was taken is finished or given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a consumer needs of us.

    Attributes:
        host: Where batches end up.
        hand_on: Gives a batch to the agent; waits while it is busy.
        watermarks: How far the stored profiles are, by `topic-partition`.
        given_up: When it is set, no commit is waited for any more.
        fetch_wait: Seconds that the broker may keep a fetch waiting while the engine has nothing else to do.
    """

    host: BatchHost
    hand_on: Callable[[Batch], Awaitable[None]]
    watermarks: Watermarks
    given_up: asyncio.Event
    fetch_wait: float = 0.5


def batch_transport(transport: Transport, reading: Reading) -> Transport:
    """Make `transport` create consumers that read in batches."""
    transport.Consumer = lambda *args, **kwargs: BatchConsumer(*args, reading=reading, **kwargs)
    return transport


class _Thread(AIOKafkaConsumerThread):  # type: ignore[misc]
    """The thread that talks to the broker; it ends whether or not the broker is there to hear of it."""

    reading: Reading

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust has a second and a half, with no setting: so late an event may be where the broker takes all that time.
        consumer._fetch_max_wait_ms = round(1000 * self.reading.fetch_wait)  # noqa: SLF001
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        # Such a broker is asked less often while events wait here: what came meanwhile would only wait behind them.
        FetchWait(self._consumer, self.reading.fetch_wait, self.reading.host.backlog)

    async def on_thread_stop(self) -> None:
        # aiokafka lets the cancellation of its own fetches out of `stop`; nobody cancels us here.
        with contextlib.suppress(asyncio.CancelledError, TimeoutError, KafkaError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await super().on_thread_stop()


class BatchConsumer(Consumer):  # type: ignore[misc]
    """Reads in batches; a part of Faust's insides, hence pinned to its version."""

    def __init__(self, *args: Any, reading: Reading, **kwargs: Any) -> None:
        self._reading = reading  # first: Faust's part makes the thread, which needs it
        super().__init__(*args, **kwargs)
        self._finished: dict[TP, int] = {}
        self._behind = False  # whether the position is behind records that nobody was given
        self._call: asyncio.Future[Any] | None = None

    def acknowledge(self, partition: Partition, next_offset: int) -> None:
        """Everything before `next_offset` is finished: the next commit says so."""
        self._finished[TP(partition.topic, partition.number)] = next_offset

    async def wait_empty(self) -> None:
        """Finish what was handed on, and commit it: before partitions go to others, and before we leave."""
        await self._reading.host.drained()
        await self.commit_and_end_transactions()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """After this, others may read what we had."""
        await super().on_partitions_revoked(revoked)
        self._finished.clear()

    async def perform_seek(self) -> None:
        """Go to the committed offsets, or further back where the profiles are."""
        await super().perform_seek()
        marks = await self._reading.watermarks()
        for partition in self.assignment():
            committed = self._committed_offset.get(partition) or 0
            start = resume_at(committed, marks.get(f"{partition.topic}-{partition.partition}"))
            if start < committed:
                log.warning("profiles are behind Kafka, reading again", partition=str(partition), offset=start)
            if start < committed or not committed:  # aiokafka leaves the position where nothing is committed
                await self._rewind(partition, start)

    async def verify_all_partitions_active(self) -> None:
        """The worker's own watchdog sees to that: Faust's looks at messages in streams, and we have none there."""

    async def _rewind(self, partition: TP, offset: int) -> None:
        await self._thread.seek_wait({partition: offset})
        # Faust does not commit what lies before the committed offset.
        self._committed_offset[partition] = offset or None

    async def _drain_messages(self, fetcher: Any) -> None:
        """What Faust's fetcher does all the time: here, fetch and hand on."""
        try:
            while not (self.should_stop or fetcher.should_stop):
                if self.flow_active:
                    await self._fetch()
                else:
                    await self.wait(self.can_resume_flow)
        # Faust's fetcher takes a cancellation for a rebalance while there is one, and crashes, to be started again: not
        # when it is the end.
        except (*self.consumer_stopped_errors, asyncio.CancelledError):
            if not self.app.should_stop:
                raise

    async def _fetch(self) -> None:
        assignment = self._reading.host.assignment
        if self._behind:
            await self._settled()
            await self.perform_seek()
            self._behind = not self._unchanged(assignment)
        else:
            self._behind = True  # until what this fetch brings was taken, even if we are cancelled
            self._call = call = asyncio.ensure_future(self._wait_next_records(FETCH_SECONDS))
            await asyncio.wait({call})
            if not call.cancelled():  # as Faust's thread may do when the group changes
                found, _ = call.result()
                self._behind = bool(found) and not await self._hand_on(assignment, found)

    async def _settled(self) -> None:
        """Wait for a fetch that nobody waited for to its end: Faust's thread goes on with it.

        It even waits there for the next assignment, and moves the position past what it then reads and nobody is given.
        """
        if self._call:
            await asyncio.wait({self._call})

    async def _hand_on(self, assignment: int, found: Mapping[TP, Sequence[Any]]) -> bool:
        """Whether what a fetch brought was taken; otherwise the group has changed, and it must be read again."""
        if not self._unchanged(assignment):
            return False
        records = [record for tp, messages in found.items() for record in _records(tp, messages)]
        given = await _unless(self.suspend_flow, self._reading.hand_on(Batch(assignment, records)))
        return given and self._unchanged(assignment)

    def _unchanged(self, assignment: int) -> bool:
        return self.flow_active and assignment == self._reading.host.assignment

    def _filter_tps_with_pending_acks(self, topics: Iterable[Any] | None = None) -> Iterator[TP]:  # noqa: ARG002
        return iter(list(self._finished))

    def _new_offset(self, tp: TP) -> int | None:
        return self._finished.get(tp)

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        thread = _Thread(self, loop=self.loop, beacon=self.beacon)
        thread.reading = self._reading
        return thread

    async def _commit(self, offsets: Any) -> bool:
        return await _unless(self._reading.given_up, super()._commit(offsets))


async def _unless(event: asyncio.Event, call: Awaitable[bool | None]) -> bool:
    """Whether `call` came to its end, and did not say False, before the event."""
    task, waiting = asyncio.ensure_future(call), asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        # Faust cancels whoever waits for a place in a queue that it clears.
        return task.done() and not task.cancelled() and task.result() is not False
    finally:
        task.cancel()
        waiting.cancel()


def _records(tp: TP, messages: Sequence[Any]) -> Iterator[Record]:
    partition = Partition(tp.topic, tp.partition)
    # As Record(...), without the call of a Python function that a named tuple makes of it: this is done for each event.
    return (_new(Record, (partition, m.offset, m.key, m.value, m.timestamp)) for m in messages)
