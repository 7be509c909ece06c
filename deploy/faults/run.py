"""Rounds of faults under load, a look at the profiles after each, and what came out."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..local import triton
from ..local.report import Report as Say
from ..local.report import silent
from ..settings import Settings
from .judge import Findings, Judge, until_done
from .kinds import LOSSY, Kind, possible
from .plan import ROUND, Strike, plan
from .strikes import strike
from .world import World, open_world

FAULTS = 100
AT_ONCE = 3  # faults that overlap
SETTLE_SECONDS = 150.0  # when the faults of a round are over, all must be done after so long

_LATE = f"work does not end within {SETTLE_SECONDS:.0f} s although all faults have"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is to happen.

    Attributes:
        seed: Of the plan and of the stream.
        faults: How many.
        kafka_home: Apache Kafka; None: the embedded broker.
        kinds: Only these, where they are possible here; None: all.
        size: Faults between one look at the profiles and the next.
        mutant: A defect of the workers, to test that it is found.
    """

    seed: int
    faults: int = FAULTS
    kafka_home: Path | None = None
    kinds: Collection[Kind] | None = None
    size: int = ROUND
    mutant: str | None = None


@dataclass(slots=True, kw_only=True)
class Report:
    """What came out.

    Attributes:
        seed, broker: Where it can be had again.
        fenced: Whether the broker has transactions, so that revisions must not go back while Redis keeps all.
        faults: How many of which kind.
        rounds: How many were played to their end.
        events: Events and poison messages that had to be accounted for.
        updates: How many were read and compared.
        regressions: Updates with a revision below an earlier one, where that must not be.
        backward: All of them.
        restarts: Workers that were started in place of one that ended.
        stuck: How often the group stood still, and all workers were ended for it.
        last: What the last look found.
        story: What happened in the last round, with its times.
        problems: What is promised and did not hold, in words.
        logs: Where everybody's log is.
    """

    seed: int
    broker: str
    fenced: bool
    faults: Counter[Kind] = field(default_factory=Counter)
    rounds: int = 0
    events: int = 0
    updates: int = 0
    regressions: int = 0
    backward: int = 0
    restarts: int = 0
    stuck: int = 0
    last: Findings = field(default_factory=Findings)
    story: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    logs: Path = Path()
    seconds: float = 0.0

    @property
    def sound(self) -> bool:
        """Everything that is promised held."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "faults": self.faults.total(),
            "faults_by_kind": {kind.value: count for kind, count in sorted(self.faults.items())},
            "events": self.events,
            "lost": self.last.lost,
            "doubled": self.last.doubled,
            "seed": self.seed,
            "broker": self.broker,
            "rounds": self.rounds,
            "updates_checked": self.updates,
            "regressions": self.regressions,
            "revisions_back": self.backward,
            "stale": self.last.stale,
            "stale_at_end_of_topic": self.last.stale_at_end,
            "workers_restarted": self.restarts,
            "group_stood_still": self.stuck,
            "problems": self.problems,
            "seconds": round(self.seconds, 1),
        }


Progress = Callable[[Report, str], None]


async def run_faults(
    settings: Settings, options: Options, progress: Progress = lambda _report, _now: None, say: Say = silent
) -> Report:
    """Play the rounds of a plan until they are over, or one of them shows that something does not hold.

    Args:
        settings: The encoder that they name must be prepared.
        options: What is to happen.
        progress: Called whenever something happens, with what that is.
        say: Told what is started.

    Raises:
        SetupError: A server does not start.
    """
    began = time.monotonic()
    async with open_world(
        settings, seed=options.seed, kafka_home=options.kafka_home, mutant=options.mutant, report=say
    ) as world:
        broker = "Apache Kafka" if world.durable else "tansu"
        report = Report(seed=options.seed, broker=broker, fenced=world.durable, logs=world.folder)
        judge = Judge(world)
        for strikes in plan(options.seed, options.faults, _kinds(options, world), options.size):
            report.story.clear()
            await _Round(world, report, progress).play(strikes)
            await _judge(world, judge, report, lossy=any(one.kind in LOSSY for one in strikes), progress=progress)
            report.seconds = time.monotonic() - began
            if not report.sound:
                break
    return report


def _kinds(options: Options, world: World) -> list[Kind]:
    here = possible(broker_keeps_data=world.durable, triton=triton.supported() is None)
    return [kind for kind in here if options.kinds is None or kind in options.kinds]


class _Round:
    """Some faults, one beginning after the other, some of them overlapping."""

    def __init__(self, world: World, report: Report, progress: Progress) -> None:
        self._world = world
        self._report = report
        self._progress = progress
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._began = time.monotonic()

    async def play(self, strikes: Collection[Strike]) -> None:
        """Returns when all of them are over, and all events are written.

        Raises:
            SetupError: A server does not come back.
        """
        try:
            await self._play(strikes)
        except BaseExceptionGroup as failures:
            first: BaseException = failures
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            raise first from None

    async def _play(self, strikes: Collection[Strike]) -> None:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._world.load.run(stop))
            async with asyncio.TaskGroup() as faults:
                for one in strikes:
                    await asyncio.sleep(one.pause)
                    await self._slots.acquire()
                    faults.create_task(self._strike(one))
            stop.set()

    async def _strike(self, one: Strike) -> None:
        try:
            self._tell(one.kind)
            done = await strike(self._world, one)
            self._report.faults[done] += 1
            self._tell(f"{done}: over")
        finally:
            self._slots.release()

    def _tell(self, what: str) -> None:
        self._report.story.append(f"{time.monotonic() - self._began:6.1f} s  {what}")
        self._progress(self._report, what)


async def _judge(world: World, judge: Judge, report: Report, *, lossy: bool, progress: Progress) -> None:
    progress(report, "waiting until all is applied")
    settled = await until_done(world, SETTLE_SECONDS)
    progress(report, "comparing")
    before = judge.backward
    found = await judge.examine()
    report.rounds += 1
    report.last, report.events, report.updates = found, world.journal.events, judge.updates
    report.restarts, report.stuck, report.backward = world.crew.restarts, world.stuck, judge.backward
    if report.fenced and not lossy:
        report.regressions += judge.backward - before
    report.problems = _problems(report, found) + ([] if settled else [_LATE, *world.crew.last_words()])
    progress(report, "")


def _problems(report: Report, found: Findings) -> list[str]:
    numbers = {
        "events lost": found.lost,
        "events doubled": found.doubled,
        "profiles that differ from the fold of their events": found.differing,
        "profiles that profile-updates does not end with": found.stale,
    }
    if report.fenced:
        numbers["profiles that the compacted topic does not end with"] = found.stale_at_end
        numbers["updates that go back although Redis kept all"] = report.regressions
    return [f"{what}: {number}" for what, number in numbers.items() if number] + found.trouble[:10]
