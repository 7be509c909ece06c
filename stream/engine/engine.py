"""The pipeline: fetch, analyse, apply, publish, acknowledge.

    source -> [analyse] [analyse] [analyse]   several batches at once: this is where the encoder works
                  -> apply                    one after the other, in the order in which they were read
                      -> publish              one after the other; then the source may forget them

A batch is in flight from fetch to acknowledge; there are at most `in_flight` of them, of full ones two, so memory is
bounded. While a breaker makes calls wait, nothing is fetched. What was not acknowledged when we stop is read again.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...inference.breaker import Breakers
from ...schemas.codec import encode
from ...schemas.errors import BadRecordError
from ...schemas.events import DeadLetter, ProfileUpdate
from ...schemas.wire import Wire
from ..store.base import ProfileStore
from .analysis import Analysed, Analyser
from .apply import Applied, Applier
from .observing import Observers
from .pace import Pace
from .ports import Outgoing, Partition, Record, Sink, Source
from .timings import Timings

DEAD_LETTER_HEADER = "dead-letter"
WATCH_SECONDS = 1.0
# One is analysed while another is applied and published. With more of them under load each would be smaller, to be done
# in time, and fewer events of a user would share one write.
MOST_FULL = 2
MOST_OPEN = 16_384  # records in flight, each about 1 KB: two batches of 8,192


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """How records are gathered.

    Attributes:
        events: At most so many in a batch.
        seconds: How long a batch waits for more after its first record, while the one before is analysed.
        in_flight: So many batches between fetch and acknowledge.
        target: Seconds that a batch may take from fetch to acknowledge; its size follows, see `Pace`.
    """

    events: int = 8192
    seconds: float = 0.02
    in_flight: int = 4
    target: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTopics:
    """Where results go."""

    updates: str = "profile-updates"
    dead_letters: str = "dead-letters"


@dataclass(slots=True)
class Counters:
    """What happened since the engine was made."""

    received: int = 0
    applied: int = 0
    skipped: int = 0
    updates: int = 0
    batches: int = 0
    dead_letters: Counter[str] = field(default_factory=Counter)
    last_progress: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class _InFlight:
    """A batch between fetch and acknowledge.

    Attributes:
        since: When it was fetched, by the loop's clock.
        records: How many it has.
        full: As many as it could have had: others wait.
    """

    since: float
    records: int
    full: bool


class Engine:
    """Moves records from a source into profiles and messages for a sink.

    Args:
        source, sink: Kafka, or the in-memory log.
        analyser, applier: The two halves of the work.
        store: For the watermarks (see ProfileStore).
        limits: Of batches.
        topics: Where results go.
        counters: Go on counting there, if given.
        wire: How updates are written.
        observers: Told of every finished batch.
        breakers: Those that analyser and applier have.
        timings: Told how long each batch took.
    """

    def __init__(
        self,
        *,
        source: Source,
        sink: Sink,
        analyser: Analyser,
        applier: Applier,
        store: ProfileStore,
        limits: BatchLimits | None = None,
        topics: OutputTopics | None = None,
        counters: Counters | None = None,
        wire: Wire | None = None,
        observers: Observers | None = None,
        breakers: Breakers | None = None,
        timings: Timings | None = None,
    ) -> None:
        self._source = source
        self._sink = sink
        self._analyser = analyser
        self._applier = applier
        self._store = store
        self._limits = limits or BatchLimits()
        self._topics = topics or OutputTopics()
        self.counters = counters or Counters()
        self._wire = wire or Wire()
        self._observers = observers or Observers()
        self._breakers = breakers or Breakers()
        self._timings = timings or Timings()
        self._pace = Pace(self._limits.events, self._limits.target)
        self._fetched: deque[_InFlight] = deque()
        self._acknowledged = asyncio.Event()

    async def run(self) -> None:
        """Work until the source is closed and all that was read is done; cancel it to leave the rest for later."""
        limit = self._limits.in_flight
        slots = asyncio.Semaphore(limit)
        analysed: asyncio.Queue[asyncio.Task[Analysed] | None] = asyncio.Queue()
        applied: asyncio.Queue[tuple[Analysed, Applied] | None] = asyncio.Queue()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._fetch(slots, analysed, tasks), name="fetch")
            tasks.create_task(self._apply(analysed, applied), name="apply")
            publish = tasks.create_task(self._publish(slots, applied), name="publish")
            watch = tasks.create_task(self._watch(publish), name="watch")
            publish.add_done_callback(lambda _: watch.cancel())

    async def _watch(self, publish: asyncio.Task[None]) -> None:
        """Look after the store while nothing is read: what it lost must be read again now, not with the next event."""
        while not publish.done():  # a cancellation that comes together with Redis's answer may get lost in its client
            await asyncio.sleep(WATCH_SECONDS)
            await self._breakers.store.call(self._store.check)

    async def _fetch(
        self, slots: asyncio.Semaphore, out: asyncio.Queue[asyncio.Task[Analysed] | None], tasks: asyncio.TaskGroup
    ) -> None:
        loop = asyncio.get_running_loop()
        last: asyncio.Task[Analysed] | None = None
        while True:
            await slots.acquire()
            await self._room()
            await self._breakers.passable()
            asked = loop.time()
            await self._source.arrived()
            self._pace.rested(loop.time() - asked)
            # With the encoder idle an event need not wait for others; under load, others are there already.
            within = self._limits.seconds if last and not last.done() else 0.0
            records = await self._source.fetch(self._pace.size, within)
            if not records:
                break
            self._fetched.append(_InFlight(loop.time(), len(records), full=len(records) >= self._pace.size))
            self.counters.received += len(records)
            last = tasks.create_task(self._analyser.analyse(records), name="analyse")
            out.put_nowait(last)
        out.put_nowait(None)

    async def _room(self) -> None:
        """Wait while there is enough to do, or the next batch would be beyond what is kept in memory."""
        while self._fetched and (
            sum(batch.full for batch in self._fetched) >= MOST_FULL
            or sum(batch.records for batch in self._fetched) + self._pace.size > MOST_OPEN
        ):
            self._acknowledged.clear()
            await self._acknowledged.wait()

    async def _apply(
        self, batches: asyncio.Queue[asyncio.Task[Analysed] | None], out: asyncio.Queue[tuple[Analysed, Applied] | None]
    ) -> None:
        while task := await batches.get():
            batch = await task
            with self._timings.stage("apply"):
                applied = await self._applier.apply(batch)
            out.put_nowait((batch, applied))
        out.put_nowait(None)

    async def _publish(self, slots: asyncio.Semaphore, batches: asyncio.Queue[tuple[Analysed, Applied] | None]) -> None:
        while item := await batches.get():
            batch, applied = item
            await self._finish(batch, applied)
            self._count(batch, applied)
            done = self._fetched.popleft()
            self._pace.took(done.records, asyncio.get_running_loop().time() - done.since)
            self._acknowledged.set()
            slots.release()
            self._observers.observe(batch.observed)

    async def _finish(self, batch: Analysed, applied: Applied) -> None:
        """Publish, and only then acknowledge."""
        with self._timings.stage("publish"):
            await self._send(batch, applied)
        self._timings.batch(batch.records)
        await self._acknowledge(batch.records)

    async def _send(self, batch: Analysed, applied: Applied) -> None:
        messages = [self._dead_letter(record, error) for record, error in batch.bad]
        messages += [self._message(update) for update in applied.updates]
        # No later batch has been published yet, so publishing this one again never makes a revision go back.
        await self._breakers.broker.call(lambda: self._sink.publish(messages))

    def _message(self, update: ProfileUpdate) -> Outgoing:
        source = Partition(update.topic, update.partition)
        return Outgoing(self._topics.updates, update.user.encode(), self._wire.encode(update), source=source)

    async def _acknowledge(self, records: Sequence[Record]) -> None:
        # Batches get here in the order in which they were read, so nothing before these records is unfinished.
        done = {record.partition: record.offset + 1 for record in records}
        marks = {str(partition): upto for partition, upto in done.items()}
        await self._breakers.store.call(lambda: self._store.save_watermarks(marks))
        for partition, upto in done.items():
            self._source.acknowledge(partition, upto)

    def _dead_letter(self, record: Record, error: BadRecordError) -> Outgoing:
        """The original message, with the reason beside it: in Avro for programs, in words for people."""
        letter = DeadLetter(
            reason=error.reason,
            detail=error.detail,
            topic=record.partition.topic,
            partition=record.partition.number,
            offset=record.offset,
            time=record.timestamp,
        )
        headers = ((DEAD_LETTER_HEADER, encode(letter)), ("reason", str(error).encode()))
        return Outgoing(self._topics.dead_letters, record.key, record.value, headers, spare_value=True)

    def _count(self, batch: Analysed, applied: Applied) -> None:
        counters = self.counters
        counters.batches += 1
        counters.applied += applied.applied
        counters.skipped += applied.skipped
        counters.updates += len(applied.updates)
        counters.dead_letters.update(error.reason for _, error in batch.bad)
        counters.last_progress = time.monotonic()
