"""The demo: real servers, real messages of real people, profiles that grow while you look."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

from rich.console import Console
from rich.text import Text

from ...inference.models import ModelSet
from ...schemas.errors import SetupError
from ...schemas.events import Feedback
from ...stream.kafka.sink import start_producer
from ...stream.lookup import Lookup, ReadableProfile
from ...stream.store.models import RedisModelStore, load_models
from ...stream.store.redis import RedisStore
from ...stream.worker.status import Role, read_statuses
from .. import wiring
from ..local.api import api
from ..local.children import learner, worker
from ..local.packages import fetch_package
from ..local.stack import Encoder, LocalStack
from ..prepare import Prepared, publish_models
from ..settings import Settings
from ..terminal import plain
from ..topics import ensure_topics
from .accounting import Ledger
from .datasets import PACKAGE, TASK, Selection, read_chitchat, select
from .exam import Examiner, questions
from .home import own_home
from .learning import Learning
from .newcomer import Newcomer, chunks, newcomer
from .page import picture
from .quality import TOP, Quality, evaluate
from .replay import Replay
from .screen import Screen, screen_for
from .summary import MemorySample, Summary
from .updating import Updating
from .watching import Watcher

TOPICS = 34  # prompts in the data set
LEARNING_SECONDS = 300.0  # that the backlog of feedback may take
POLL_SECONDS = 0.25
MEMORY_SAMPLES = 100
FIRST_LABELS = 20  # of the new topic, before all others
HEAD_SECONDS = 2.0  # between two heads, and until workers have one
UPDATE_SECONDS = 200.0  # that an update may take without the stream running out
PIECE = 8  # events sent at a time meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What to replay, and how.

    Attributes:
        events: How many messages.
        speed: Event time passes so many times as fast as real time; None: as fast as the engine takes them.
        window: At most so many events between producer and update seen.
        keep: Leave the servers running.
        triton: Serve the encoder by Triton; otherwise its in-process twin runs in the worker.
        update: Train the encoder in the background when the new topic has come.
    """

    events: int = 20_000
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
        self._labels = 0
        self._ledger = Ledger()
        self._memory: list[MemorySample] = []

    async def play(self, prepared: Prepared, servers: dict[str, str]) -> Summary:
        """Teach the backlog, replay the stream, wait until all is seen, sum up."""
        watcher = Watcher(wiring.kafka(self._settings), self._ledger)
        producer = await start_producer(wiring.kafka(self._settings), idempotent=self._settings.kafka_idempotent)
        before = sum([profile.events async for profile in (await self._lookup()).everyone()])
        replay = Replay(producer, self._ledger, watcher, speed=self._options.speed, window=self._options.window)
        try:
            async with asyncio.TaskGroup() as tasks:
                background = [tasks.create_task(watcher.run()), tasks.create_task(self._show())]
                await watcher.ready.wait()
                await self._teach(replay)
                started = time.monotonic()
                await self._send(replay, self._newcomer.before)
                self._full_speed = len(self._newcomer.before.events) / (time.monotonic() - started)
                await self._introduce(replay)
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

    async def _teach(self, replay: Replay) -> None:
        """Labels from before the stream begins; returns when workers have the head that follows from them."""
        backlog = self._newcomer.before.backlog
        if not backlog:
            return
        self._screen.note(f"learning interests from {len(backlog):,} labelled messages of earlier conversations")
        await self._tell(replay, backlog)

    async def _tell(self, replay: Replay, labels: Sequence[Feedback]) -> None:
        """Send labels, and return when workers have the head that follows from them and all before."""
        await replay.send(labels)
        self._labels += len(labels)
        await self._until("learner", lambda said: said["learned"] + said["unusable"] >= self._labels, LEARNING_SECONDS)
        version = (await self._models()).heads[TASK].version
        await self._until("worker", lambda said: said["heads"].get(TASK, 0) >= version, LEARNING_SECONDS)

    async def _send(self, replay: Replay, part: Selection) -> None:
        await replay.send(part.stream())
        self._labels += len(part.feedback)

    async def _introduce(self, replay: Replay) -> None:
        """The topic that nobody was told of comes up: a few labels first, then all that there are."""
        newcomer, learning = self._newcomer, self._learning
        if not newcomer.told:
            return
        await self._tell(replay, ())
        learning.topic, learning.before = newcomer.topic, await self._examiner.grade()
        began = time.monotonic()
        first, others = newcomer.told[:FIRST_LABELS], newcomer.told[FIRST_LABELS:]
        await replay.send(first)
        self._labels += len(first)
        await self._until_known(newcomer.topic)
        learning.first, learning.told, learning.seconds = len(first), len(first), time.monotonic() - began
        learning.few = await self._examiner.grade()
        await self._tell(replay, others)
        await asyncio.sleep(HEAD_SECONDS)  # a head may be on its way
        learning.told, learning.known = len(newcomer.told), await self._examiner.grade()

    async def _until_known(self, topic: str) -> None:
        """Wait until all workers use a head that has the topic."""

        async def known() -> bool:
            head = (await self._models()).heads.get(TASK)
            workers = (await self._statuses("worker")).values()
            if head is None or topic not in head.labels:
                return False
            return all(said["heads"].get(TASK, 0) >= head.version for said in workers)

        try:
            async with asyncio.timeout(LEARNING_SECONDS):
                while not await known():  # noqa: ASYNC110  as in _until
                    await asyncio.sleep(POLL_SECONDS / 2)
        except TimeoutError:
            raise SetupError(f"workers did not hear of a label within {LEARNING_SECONDS:.0f} s") from None

    async def _go_on(self, replay: Replay) -> None:
        """The second half: unhurried while the encoder is trained, so that there is traffic to try it on."""
        stream, events = self._newcomer.after.stream(), len(self._newcomer.after.events)
        if not (self._options.update and self._learning.known):
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

    async def _until(self, role: Role, true: Callable[[dict[str, Any]], bool], patience: float) -> None:
        """Wait until every process of a role says so."""
        try:
            async with asyncio.timeout(patience):
                # Another process says it, through Redis: there is nothing to be woken by.
                while not all([true(said) for said in (await self._statuses(role)).values()] or [False]):  # noqa: ASYNC110
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise SetupError(f"the {role} did not learn within {patience:.0f} s; its log says why") from None

    async def _statuses(self, role: Role) -> dict[str, dict[str, Any]]:
        return await read_statuses(self._store.client, role)

    async def _lookup(self) -> Lookup:
        return Lookup(self._store, await self._models(), wiring.layout(self._settings))

    async def _models(self) -> ModelSet:
        return await load_models(RedisModelStore(self._store.client), await wiring.champion(self._settings))

    async def _show(self) -> None:
        while True:
            await self._refresh()
            await asyncio.sleep(POLL_SECONDS)

    async def _refresh(self) -> None:
        taught = sum(said["learned"] for said in (await self._statuses("learner")).values())
        self._taught = max(taught, self._taught)  # a learner that goes over to another encoder counts anew
        await self._weigh()
        await self._note_encoder()
        learned = f"{self._taught:,} labels learned, {self._ledger.updates:,} updates seen"
        self._screen.show(self._ledger, learned=learned, learning=self._learning.lines())

    async def _note_encoder(self) -> None:
        """Who answers in workers, and how many profiles say so."""
        models = {said["model"] for said in (await self._statuses("worker")).values()}
        if len(models) == 1:
            (encoder,) = models
            versions = [update.model_version for update in self._ledger.profiles.values()]
            self._learning.encoder, self._learning.profiles = encoder, versions.count(encoder)

    async def _weigh(self) -> None:
        """Note the worker's memory, about a hundred times over the run."""
        seen = self._ledger.seen
        if seen and (not self._memory or seen - self._memory[-1].events >= self._options.events / MEMORY_SAMPLES):
            self._memory.append(MemorySample(seen, _memory((await self._statuses("worker")).values())))

    async def _sum_up(self, seconds: float, before: int, prepared: Prepared, servers: dict[str, str]) -> Summary:
        """Compare what was sent with what is stored: the counts in the profiles, not what the worker says of itself.

        Args:
            seconds: That it took.
            before: Events in the profiles that earlier runs had left.
            prepared: For its figures.
            servers: Who took part.
        """
        profiles = [profile async for profile in (await self._lookup()).everyone()]
        workers = (await self._statuses("worker")).values()
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


async def run_demo(
    settings: Settings,
    options: DemoOptions,
    prepared: Prepared,
    console: Console,
    screen_on: Callable[[Console, int], AbstractContextManager[Screen]] = screen_for,
) -> Summary:
    """Start everything, replay, sum up, stop everything.

    Args:
        settings: Their addresses do not matter: the stack is a local one.
        options: What to replay.
        prepared: Encoder, codebook, sentiment head.
        console: Where to print.
        screen_on: Gives what shows the progress of so many events.

    Raises:
        SetupError: Something cannot start, or died on the way.
    """
    package = await asyncio.to_thread(fetch_package, PACKAGE, wiring.home(settings), partial(_dim, console))
    conversations = await asyncio.to_thread(read_chitchat, package)
    selection = select(conversations, events=options.events)
    new = newcomer(selection, conversations)
    with own_home(settings, keep=options.keep) as own:
        encoder = Encoder(repository=wiring.repository(own), models=[settings.model]) if options.triton else None
        async with LocalStack(
            wiring.home(settings), encoder=encoder, kafka_home=settings.kafka_home, report=partial(_dim, console)
        ) as stack:
            here = wiring.at(own, stack.addresses)
            await ensure_topics(wiring.kafka(here), here.partitions)
            await publish_models(here, prepared)
            page, *_ = await asyncio.gather(
                stack.start(lambda: api(here)), stack.start(lambda: learner(here)), stack.start(lambda: worker(here))
            )
            console.print(Text.assemble("watch it: ", (page.address, "bold cyan")), soft_wrap=True)
            store = wiring.store(here)
            try:
                with screen_on(console, len(selection.events)) as screen:
                    demo = Demo(
                        here,
                        options,
                        selection,
                        new,
                        store,
                        screen,
                        Examiner(here, store, new.topic, questions(conversations, new.topic)),
                        lambda learning, graded: Updating(stack, here, store, learning, graded).run(),
                    )
                    summary = await _watched(stack, demo.play(prepared, _servers(stack, page.address)))
                _dim(console, await picture(page.address, stack.run / "page.png"))
            finally:
                await store.close()
            if options.keep:
                stack.detach()
                _dim(
                    console,
                    f"its models and labels are in {own.home}: set PROFILESTREAM_HOME to it for commands on them",
                )
    return summary


async def _watched(stack: LocalStack, play: Coroutine[Any, Any, Summary]) -> Summary:
    """Play, unless a server dies first."""
    playing, watching = asyncio.ensure_future(play), asyncio.ensure_future(stack.watch())
    try:
        await asyncio.wait({playing, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not playing.done():
            watching.result()
        return await playing
    finally:
        playing.cancel()
        watching.cancel()
        await asyncio.gather(playing, watching, return_exceptions=True)


def _servers(stack: LocalStack, page: str) -> dict[str, str]:
    """Which server plays which part, or why there is a twin in its place."""
    triton = stack.addresses.triton
    return {
        "kafka": stack.addresses.kafka,
        "redis": stack.addresses.redis,
        "encoder": f"triton {triton}" if triton else f"in-process twin ({stack.missing.get('triton', 'as asked for')})",
        "page": page,
    }


def _memory(statuses: Iterable[dict[str, Any]]) -> int:
    """Resident bytes of the largest process."""
    return max((said["memory"] for said in statuses), default=0)


def _dim(console: Console, line: str) -> None:
    console.print(plain(line, "dim"), soft_wrap=True)
