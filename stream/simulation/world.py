"""Everything together, and the hand that crashes, stops, throws out and takes away."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ...inference.hashing import HashEmbedder
from ...inference.serving import Serving
from ...schemas.codec import encode
from ...schemas.events import UserEvent
from ...schemas.validation import Limits
from ..engine.analysis import Analyser
from ..engine.apply import Applier
from ..engine.engine import BatchLimits, Engine
from ..engine.group import MemoryGroup
from ..engine.memory import MemoryLog
from ..engine.ports import Partition, Sink, Source
from ..redaction import Redactor
from ..store.base import ProfileStore, Stored
from ..store.memory import MemoryServer, MemoryStore
from .faults import Dice, Fault
from .services import ShakyEmbedder
from .worker import Deployment, Worker
from .workload import DIMENSIONS, LAYOUT, small_models

TOPIC = "user-events"
SESSION_SECONDS = 10.0  # after so long the group throws a silent member out
MOST_WORKERS = 4
SETTLE_SECONDS = 900.0  # when all faults are over, everything must be done after so long


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the simulator tests; mutants put something broken in a place."""

    engine: type[Engine] = Engine
    applier: type[Applier] = Applier
    store: Callable[[MemoryServer], ProfileStore] = MemoryStore


class World:
    """A log, a store, an encoder, and workers. To be made inside a running loop.

    Args:
        dice: Decides everything.
        fenced: Whether the broker fences producers.
        parts: What is tested.
        partitions: Of the topic.
    """

    def __init__(self, dice: Dice, *, fenced: bool, parts: Parts | None = None, partitions: int = 4) -> None:
        self.dice = dice
        self.fenced = fenced
        self.log = MemoryLog(partitions)
        self.server = MemoryServer()
        self.encoder = HashEmbedder(dimensions=DIMENSIONS)
        self.workers: dict[int, Worker] = {}
        self.lives = 0
        self._parts = parts or Parts()
        self._models = small_models(self.encoder)
        self._down: set[str] = set()
        self._group = MemoryGroup(self.log, TOPIC)
        self._backup: tuple[dict[str, Stored], dict[str, int]] = ({}, {})
        self._deployment = Deployment(
            topic=TOPIC,
            log=self.log,
            group=self._group,
            server=self.server,
            dice=dice,
            fenced=fenced,
            engine=self._engine,
            store=self._parts.store,
        )

    @property
    def now(self) -> float:
        """Virtual seconds."""
        return asyncio.get_running_loop().time()

    @property
    def errors(self) -> list[BaseException]:
        """Errors that ended an engine and should not have."""
        return self._deployment.errors

    def start_worker(self, place: int) -> None:
        """A new process in a place: 0, 1, ..."""
        self.lives += 1
        self.workers[place] = Worker(f"worker-{place}.{self.lives}", self._deployment)

    def write(self, event: UserEvent) -> None:
        """A producer's message."""
        self.log.append(TOPIC, event.user.encode(), encode(event), timestamp=event.time)

    def write_poison(self, event: UserEvent, value: bytes | None) -> None:
        """A message that is no event, in the place of one."""
        self.log.append(TOPIC, event.user.encode(), value, timestamp=event.time)

    def back_up(self) -> None:
        """The store writes to its disk."""
        self._backup = (dict(self.server.profiles), dict(self.server.watermarks))

    def strike(self, fault: Fault) -> None:
        """Let one of the faults happen that need no opportunity, if it can now."""
        place = self.dice.random.choice(list(self.workers))
        where = self.workers[place].name if fault in _AT_A_WORKER else ""
        if self.dice.allows(fault) and _HANDS[fault](self, place):
            self.dice.strike(fault, self.now, where)

    def crash(self, place: int) -> bool:
        """Kill a worker."""
        alive = self.workers[place].alive
        self.workers[place].kill()
        return alive

    def replace_dead(self) -> None:
        """What a supervisor does: start killed workers again; the group throws the old ones out in its time."""
        for place, worker in list(self.workers.items()):
            if not worker.alive:
                self._soon(self.dice.between(0, SESSION_SECONDS), self._group.leave, worker.name)
                self.start_worker(place)

    def stop(self, place: int) -> bool:
        """A worker stands still until it is thrown out, or longer."""
        worker = self.workers[place]
        if not worker.awake:
            return False
        worker.stop()
        self._soon(self.dice.between(0, SESSION_SECONDS), self._group.leave, worker.name)
        self._soon(self.dice.between(0, 2 * SESSION_SECONDS), worker.go_on)
        return True

    def deafen(self, place: int) -> bool:
        """A worker is thrown out and does not hear of it for a while."""
        worker = self.workers[place]
        worker.deaf_until = self.now + self.dice.between(0, SESSION_SECONDS)
        return self._group.leave(worker.name)

    def join(self, _: int = 0) -> bool:
        """One more worker, where there is room for it."""
        free = [place for place in range(MOST_WORKERS) if place not in self.workers]
        if free:
            self.start_worker(free[0])
        return bool(free)

    def leave(self, place: int) -> bool:
        """One worker fewer, but never none."""
        if len(self.workers) < 2:
            return False
        self.workers[place].kill()
        return self._group.leave(self.workers.pop(place).name)

    def rebalance(self, _: int = 0) -> bool:
        """Everybody has to join again."""
        return self._group.rebalance()

    def restart_store(self, _: int = 0) -> bool:
        """The store comes back with all that it had."""
        return self._come_back(self.server.profiles, self.server.watermarks)

    def restore_store(self, _: int = 0) -> bool:
        """The store comes back with what it had on disk."""
        return self.server.profiles != self._backup[0] and self._come_back(*self._backup)

    def empty_store(self, _: int = 0) -> bool:
        """The store comes back with nothing."""
        return bool(self.server.profiles) and self._come_back({}, {})

    def store_down(self, _: int = 0) -> bool:
        """Redis does not answer for a while."""
        return self._outage("store", lambda: self._fail_store(True), lambda: self._fail_store(False))

    def broker_down(self, _: int = 0) -> bool:
        """Kafka takes nothing for a while."""
        return self._outage("broker", self.log.fail, self.log.recover)

    def encoder_down(self, _: int = 0) -> bool:
        """Triton fails for a while."""
        return self._outage("encoder", self.encoder.fail, self.encoder.recover)

    def encoder_hangs(self, _: int = 0) -> bool:
        """Triton does not answer for a while."""
        return self._outage("encoder", self.encoder.hang, self.encoder.recover)

    async def settle(self) -> bool:
        """After the last fault: until everything that was written is done and committed. False if that never is."""
        for worker in self.workers.values():
            worker.go_on()
        self.encoder.recover()
        self.log.recover()
        self._fail_store(False)
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                while not self.errors and (self._deployment.background or not self._done()):
                    self.replace_dead()
                    await asyncio.sleep(1.0)
                await asyncio.sleep(3 * SESSION_SECONDS)  # the last zombies notice
        except TimeoutError:
            return False
        return self._done()

    async def close(self) -> None:
        """Kill everybody."""
        for worker in self.workers.values():
            worker.kill()
        await asyncio.sleep(0.1)

    def _done(self) -> bool:
        partitions = [Partition(TOPIC, number) for number in range(self.log.partitions)]
        return all(
            self.log.end(p) == self.log.committed.get(p, 0) == self.server.watermarks.get(str(p), 0) for p in partitions
        )

    def _engine(self, worker: Worker, source: Source, sink: Sink, store: ProfileStore) -> Engine:
        analyser = Analyser(
            lambda _: ShakyEmbedder(worker, self.encoder), lambda: Serving(self._models), Redactor(), Limits(), LAYOUT
        )
        return self._parts.engine(
            source=source,
            sink=sink,
            analyser=analyser,
            applier=self._parts.applier(store, LAYOUT),
            store=store,
            limits=BatchLimits(events=self.dice.random.choice((1, 4, 16, 64)), seconds=0.0, in_flight=3),
        )

    def _come_back(self, profiles: dict[str, Stored], watermarks: dict[str, int]) -> bool:
        self.server.restart(profiles, watermarks)
        return True

    def _fail_store(self, failing: bool) -> None:
        self.server.failing = failing

    def _outage(self, service: str, down: Callable[[], None], up: Callable[[], None]) -> bool:
        """A service goes and comes back, unless it is gone already."""
        if service in self._down:
            return False

        def back() -> None:
            self._down.discard(service)
            up()

        self._down.add(service)
        down()
        self._soon(self.dice.between(0, 2 * SESSION_SECONDS), back)
        return True

    def _soon(self, seconds: float, call: Callable[..., object], *args: object) -> None:
        asyncio.get_running_loop().call_later(seconds, call, *args)


_AT_A_WORKER = frozenset({Fault.CRASH, Fault.ZOMBIE, Fault.DEAF, Fault.LEAVE})
_HANDS: dict[Fault, Callable[[World, int], bool]] = {
    Fault.CRASH: World.crash,
    Fault.ZOMBIE: World.stop,
    Fault.DEAF: World.deafen,
    Fault.JOIN: World.join,
    Fault.LEAVE: World.leave,
    Fault.REBALANCE: World.rebalance,
    Fault.STORE_LOSES: World.restore_store,
    Fault.STORE_EMPTY: World.empty_store,
    Fault.STORE_RESTARTS: World.restart_store,
    Fault.STORE_DOWN: World.store_down,
    Fault.BROKER_DOWN: World.broker_down,
    Fault.ENCODER_DOWN: World.encoder_down,
    Fault.ENCODER_HANGS: World.encoder_hangs,
}
