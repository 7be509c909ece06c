"""One run of the demo on a stack that is up: teach, replay, introduce a topic, train beside it, sum up."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from ...stream.kafka.sink import start_producer
from ...stream.lookup import Lookup, ReadableProfile
from ...stream.store.redis import RedisStore
from ...stream.worker.status import read_statuses
from .. import wiring
from ..prepare import Prepared
from ..settings import Settings
from .accounting import Ledger
from .datasets import Selection
from .exam import Examiner
from .learning import Learning
from .newcomer import Newcomer, chunks
from .quality import TOP, Quality, evaluate
from .replay import Replay
from .screen import Screen
from .summary import MemorySample, Summary
from .teaching import Teacher, models
from .watching import Watcher

TOPICS = 34  # prompts in the data set
POLL_SECONDS = 0.25
MEMORY_SAMPLES = 100
UPDATE_SECONDS = 200.0  # that an update may take without the stream running out
PIECE = 8  # events sent at a time meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What to replay, and how.

    Attributes:
        events: How many messages.
        labels: At most so many labels are told before the first of them, the latest.
        speed: Event time passes so many times as fast as real time; None: as fast as the engine takes them.
        window: At most so many events between producer and update seen.
        keep: Leave the servers running.
        triton: Serve the encoder by Triton; otherwise its in-process twin runs in the worker.
        update: Train the encoder in the background when the new topic has come.
    """

    events: int = 20_000
    labels: int = 3_000
    speed: float | None = None
    window: int = 512
    keep: bool = False
    triton: bool = True
    update: bool = True


class Demo:
    """One run on a local stack that is up.

    Args:
        settings: With the stack's addresses.
        options: What to replay.
        selection: The data.
        newcomer: The topic in it that is not known at first.
        store: Profiles, read at the end.
        screen: Where to show it.
        examiner: Grades how well topics are recognised.
        update: Begins an update of the encoder in the background, and returns when it has ended.
    """

    def __init__(
        self,
        settings: Settings,
        options: DemoOptions,
        selection: Selection,
        newcomer: Newcomer,
        store: RedisStore,
        screen: Screen,
        examiner: Examiner,
        update: Callable[[Learning, Callable[[], Awaitable[None]]], Coroutine[Any, Any, None]],
    ) -> None:
        self._settings = settings
        self._options = options
        self._selection = selection
        self._newcomer = newcomer
        self._store = store
        self._screen = screen
        self._examiner = examiner
        self._update = update
        self._learning = Learning()
        self._taught = 0
        self._full_speed = 0.0
        self._ledger = Ledger()
        self._memory: list[MemorySample] = []

    async def play(self, prepared: Prepared, servers: dict[str, str]) -> Summary:
        """Teach the backlog, replay the stream, wait until all is seen, sum up."""
        watcher = Watcher(wiring.kafka(self._settings), self._ledger)
        producer = await start_producer(wiring.kafka(self._settings), idempotent=self._settings.kafka_idempotent)
        before = sum([profile.events async for profile in (await self._lookup()).everyone()])
        replay = Replay(producer, self._ledger, watcher, speed=self._options.speed, window=self._options.window)
        teacher = Teacher(self._settings, self._store, replay)
        try:
            async with asyncio.TaskGroup() as tasks:
                background = [tasks.create_task(watcher.run()), tasks.create_task(self._show())]
                await watcher.ready.wait()
                await self._teach(teacher)
                started = time.monotonic()
                await replay.send(self._newcomer.before.stream())
                teacher.told += len(self._newcomer.before.feedback)
                self._full_speed = len(self._newcomer.before.events) / (time.monotonic() - started)
                await teacher.introduce(self._newcomer, self._learning, self._examiner)
                await self._go_on(replay)
                await replay.finish()
                seconds = time.monotonic() - started
                for task in background:
                    task.cancel()
            await self._refresh()
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            await producer.stop()
        return await self._sum_up(seconds, before, prepared, servers)

    async def _teach(self, teacher: Teacher) -> None:
        """Labels from before the stream begins; returns when workers have the head that follows from them."""
        backlog = self._newcomer.before.backlog
        if not backlog:
            return
        self._screen.note(f"learning interests from {len(backlog):,} labelled messages of earlier conversations")
        await teacher.tell(backlog)

    async def _go_on(self, replay: Replay) -> None:
        """The second half: unhurried while the encoder is trained, so that there is traffic to try it on."""
        stream, events = self._newcomer.after.stream(), len(self._newcomer.after.events)
        kept = self._settings.kafka_home is not None  # a new encoder would be the user's from then on
        if kept or not (self._options.update and self._learning.known):
            await replay.send(stream)
            return
        self._screen.note("the encoder learns in the background; meanwhile the stream goes on at a slower pace")
        updating = asyncio.create_task(self._update(self._learning, self._graded))
        try:
            if self._options.speed is None:
                pause = PIECE * UPDATE_SECONDS / max(events, 1)
                for piece in chunks(stream, PIECE):
                    await replay.send(piece)
                    if (await asyncio.wait([updating], timeout=pause))[0]:
                        break
            await replay.send(stream)
            await updating
        finally:
            updating.cancel()
            await asyncio.gather(updating, return_exceptions=True)

    async def _graded(self) -> None:
        self._learning.tuned = await self._examiner.grade()

    async def _lookup(self) -> Lookup:
        return Lookup(self._store, await models(self._settings, self._store), wiring.layout(self._settings))

    async def _show(self) -> None:
        while True:
            await self._refresh()
            await asyncio.sleep(POLL_SECONDS)

    async def _refresh(self) -> None:
        taught = sum(said["learned"] for said in (await read_statuses(self._store.client, "learner")).values())
        self._taught = max(taught, self._taught)  # a learner that goes over to another encoder counts anew
        await self._weigh()
        await self._note_encoder()
        learned = f"{self._taught:,} labels learned, {self._ledger.updates:,} updates seen"
        self._screen.show(self._ledger, learned=learned, learning=self._learning.lines())

    async def _note_encoder(self) -> None:
        """Who answers in workers, and how many profiles say so."""
        models = {said["model"] for said in (await read_statuses(self._store.client, "worker")).values()}
        if len(models) == 1:
            (encoder,) = models
            versions = [update.model_version for update in self._ledger.profiles.values()]
            self._learning.encoder, self._learning.profiles = encoder, versions.count(encoder)

    async def _weigh(self) -> None:
        """Note the worker's memory, about a hundred times over the run."""
        seen = self._ledger.seen
        if seen and (not self._memory or seen - self._memory[-1].events >= self._options.events / MEMORY_SAMPLES):
            self._memory.append(
                MemorySample(seen, _memory((await read_statuses(self._store.client, "worker")).values()))
            )

    async def _sum_up(self, seconds: float, before: int, prepared: Prepared, servers: dict[str, str]) -> Summary:
        """Compare what was sent with what is stored: the counts in the profiles, not what the worker says of itself.

        Args:
            seconds: That it took.
            before: Events in the profiles that earlier runs had left.
            prepared: For its figures.
            servers: Who took part.
        """
        profiles = [profile async for profile in (await self._lookup()).everyone()]
        workers = (await read_statuses(self._store.client, "worker")).values()
        sizes = [profile.bytes for profile in profiles]
        ledger = self._ledger
        return Summary(
            events_sent=ledger.sent,
            events_applied=sum(profile.events for profile in profiles) - before,
            events_skipped=sum(said["skipped"] for said in workers),
            dead_letters=ledger.dead,
            backward=ledger.backward,
            profiles=len(profiles),
            updates_seen=ledger.updates,
            seconds=seconds,
            latency_p50=ledger.latency(50),
            latency_p99=ledger.latency(99),
            bytes_per_profile=median(sizes) if sizes else 0,
            largest_profile=max(sizes, default=0),
            worker_memory=_memory(workers),
            memory_over_time=tuple(self._memory),
            quality=self._quality(profiles),
            sentiment=prepared.sentiment_correlation,
            servers=servers,
            learning=self._learning,
            full_speed=self._full_speed,
        )

    def _quality(self, profiles: list[ReadableProfile]) -> Quality:
        interests = {p.user: [interest.label for interest in p.interests[:TOP]] for p in profiles}
        taught = [label.label for label in (*self._selection.backlog, *self._selection.feedback)]
        return evaluate(self._selection.truth, interests, taught, TOPICS)


def _memory(statuses: Iterable[dict[str, Any]]) -> int:
    """Resident bytes of the largest process."""
    return max((said["memory"] for said in statuses), default=0)
