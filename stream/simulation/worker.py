"""A worker: joins the group, works on what it gets, notices that it has to join again, and does."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field

from ...inference.retry import until_available
from ...schemas.errors import FencedError, LostWritesError
from ..engine.engine import Engine
from ..engine.group import Assignment, GroupSource, MemoryGroup
from ..engine.memory import MemoryLog
from ..engine.ports import Sink, Source
from ..engine.position import resume_at
from ..store.base import ProfileStore
from ..store.memory import MemoryServer, MemoryStore
from .faults import Dice, Fault
from .services import ShakySink, ShakySource, ShakyStore

HEARTBEAT_SECONDS = 0.3
PATIENCE_SECONDS = 3.6  # so long may an engine finish what it has, when partitions are taken away


@dataclass(slots=True, kw_only=True)
class Deployment:
    """What all workers share.

    Attributes:
        topic: Where events are.
        fenced: Whether the broker fences producers.
        engine: Makes an engine for a process, with its source, sink and store.
        store: Makes a client of the store.
        errors: What went wrong in a way that nothing here should.
        background: What goes on when its process is gone.
    """

    topic: str
    log: MemoryLog
    group: MemoryGroup
    server: MemoryServer
    dice: Dice
    fenced: bool
    engine: "Callable[[Worker, Source, Sink, ProfileStore], Engine]"
    store: Callable[[MemoryServer], ProfileStore] = MemoryStore
    errors: list[BaseException] = field(default_factory=list)
    background: "set[asyncio.Task[None]]" = field(default_factory=set)


class Worker:
    """One process.

    Args:
        name: Of the process: the next one in its place has another.
        deployment: Where it works.
    """

    def __init__(self, name: str, deployment: Deployment) -> None:
        self.name = name
        self.dice = deployment.dice
        self.deaf_until = 0.0
        self._deployment = deployment
        self._awake = asyncio.Event()
        self._awake.set()
        self._life = asyncio.create_task(self._live(), name=name)

    @property
    def alive(self) -> bool:
        """Not killed."""
        return not self._life.done()

    @property
    def awake(self) -> bool:
        """Not stopped."""
        return self._awake.is_set()

    def kill(self) -> None:
        """End it wherever it is (SIGKILL)."""
        self._life.cancel()

    def stop(self) -> None:
        """Let it stand still (SIGSTOP)."""
        self._awake.clear()

    def go_on(self) -> None:
        """The opposite (SIGCONT)."""
        self._awake.set()

    async def step(self) -> None:
        """See Process."""
        # Most calls are quick; some are slow enough for everything else to happen in between.
        await asyncio.sleep(self.dice.between(0, 0.002 if self.dice.random.random() < 0.95 else 1.0))
        await self._awake.wait()
        if self.struck(Fault.CRASH_AT_CALL):
            self.kill()
            await asyncio.Event().wait()

    def struck(self, fault: Fault) -> bool:
        """See Process."""
        return self.dice.strikes(fault, asyncio.get_running_loop().time(), self.name)

    def later(self, job: "Coroutine[object, object, None]") -> None:
        """See Process."""
        task = asyncio.get_running_loop().create_task(job)
        self._deployment.background.add(task)
        task.add_done_callback(self._deployment.background.discard)

    async def _live(self) -> None:
        while True:
            assignment = await self._deployment.group.join(self.name)
            await self._work(assignment)

    async def _work(self, assignment: Assignment) -> None:
        """One assignment, from joining to noticing that it is over."""
        world = self._deployment
        # Fence the previous owner off before looking at what it left: from then on it adds nothing.
        sink = ShakySink(self, world.log, world.topic, assignment.partitions if world.fenced else None)
        store = ShakyStore(self, world.store(world.server))
        marks = await until_available(store.watermarks, "store")
        positions = {
            partition: self._begin(resume_at(world.log.committed.get(partition), marks.get(str(partition))))
            for partition in assignment.partitions
        }
        source = GroupSource(world.log, positions)
        task = asyncio.create_task(world.engine(self, ShakySource(self, source), sink, store).run())
        try:
            await self._watch(task, source, assignment)
        finally:
            task.cancel()
            (ended,) = await asyncio.gather(task, return_exceptions=True)
            self._judge(ended)

    def _begin(self, offset: int) -> int:
        if offset and self.struck(Fault.REDELIVERY):
            return self.dice.random.randrange(offset)
        return offset

    async def _watch(self, engine: "asyncio.Task[None]", source: GroupSource, assignment: Assignment) -> None:
        """Commit now and then; return when the engine has ended, or the group has gone on without us."""
        group = self._deployment.group
        while not engine.done():
            await asyncio.wait({engine}, timeout=HEARTBEAT_SECONDS)
            await self._awake.wait()
            self._commit(assignment, source)
            deaf = asyncio.get_running_loop().time() < self.deaf_until
            if not deaf and not group.settled(self.name, assignment.generation):
                source.close()
                with suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        await asyncio.wait({engine})
                await self._awake.wait()
                self._commit(assignment, source)
                return

    def _commit(self, assignment: Assignment, source: GroupSource) -> None:
        world = self._deployment
        if source.acknowledged.items() <= world.log.committed.items() or self.struck(Fault.COMMIT_LOST):
            return
        world.group.commit(self.name, assignment.generation, source.acknowledged)

    def _judge(self, ended: object) -> None:
        """An engine may end by itself only where it must not go on."""
        if isinstance(ended, BaseExceptionGroup):
            _, ended = ended.split((LostWritesError, FencedError))
        if isinstance(ended, BaseException) and not isinstance(ended, asyncio.CancelledError):
            self._deployment.errors.append(ended)
