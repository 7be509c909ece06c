"""One history: a stream of events, faults, then peace, and what came out."""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Collection
from dataclasses import dataclass, field

from ...schemas.events import UserEvent
from .clock import run_virtually
from .faults import LOSSES, STRUCK, Dice, Fault
from .oracle import Findings, examine
from .workload import draw_event, draw_poison
from .world import TOPIC, Parts, World

BACK_UP_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What happens in a history; the same plan always gives the same history.

    Attributes:
        seed: Of every decision.
        fenced: Whether the broker fences producers.
        events: So many are written.
        faults: At most so many faults.
        kinds: Only these.
    """

    seed: int
    fenced: bool = True
    events: int = 400
    faults: int = 100
    kinds: Collection[Fault] = tuple(Fault)


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of a history.

    Attributes:
        plan: Which history it was.
        findings: What the oracle says.
        faults: How many of which kind.
        story: The faults, in order, with their virtual times.
        seconds: Virtual time from first to last.
    """

    plan: Plan
    findings: Findings
    faults: Counter[Fault]
    story: list[str]
    seconds: float

    @property
    def store_lost_writes(self) -> bool:
        """The store came back without something that it had acknowledged."""
        return not LOSSES.isdisjoint(self.faults)

    @property
    def problems(self) -> list[str]:
        """What is promised and did not hold, in words."""
        f = self.findings
        numbers = {
            "lost": f.lost,
            "doubled": f.doubled,
            "profiles that differ from the fold of their events": f.differing,
            "profiles that a consumer of the updates does not end with": f.stale,
        }
        if self.plan.fenced:
            numbers["profiles that the compacted topic does not end with"] = f.stale_at_end
            if not self.store_lost_writes:
                numbers["updates that go back"] = f.backward
        return [f"{what}: {number}" for what, number in numbers.items() if number] + f.trouble


def play(plan: Plan, parts: Parts | None = None) -> Outcome:
    """Play a history from its beginning to peace."""
    return run_virtually(_play(plan, parts), plan.seed)


async def _play(plan: Plan, parts: Parts | None) -> Outcome:
    dice = Dice(random.Random(plan.seed), plan.faults, plan.kinds)  # noqa: S311 (not a secret)
    world = World(dice, fenced=plan.fenced, parts=parts)
    for place in range(2):
        world.start_worker(place)
    hand = asyncio.create_task(_strike(world))
    await Producer(world).run(plan.events)
    hand.cancel()
    dice.most = 0
    settled = await world.settle()
    findings = await examine(world.log, TOPIC, world.server.profiles)
    if not settled:
        findings.trouble.append("work does not end although all faults have")
    findings.trouble += list(dict.fromkeys(repr(error) for error in world.errors))
    outcome = Outcome(plan=plan, findings=findings, faults=dice.counts, story=dice.story, seconds=world.now)
    await world.close()
    return outcome


async def _strike(world: World) -> None:
    """Every now and then something happens that waits for no call."""
    dice = world.dice
    next_backup = 0.0
    while True:
        await asyncio.sleep(dice.between(0, 1.5))
        world.replace_dead()
        if world.now > next_backup:
            world.back_up()
            next_backup = world.now + dice.between(0, 2 * BACK_UP_SECONDS)
        world.strike(dice.random.choice(STRUCK))


@dataclass(slots=True)
class Producer:
    """Writes events until the broker has acknowledged each; some of them twice, some of them poison."""

    world: World
    again: deque[tuple[int, UserEvent]] = field(default_factory=deque)

    async def run(self, events: int) -> None:
        """Write so many events."""
        world, random_ = self.world, self.world.dice.random
        for number in range(events):
            event = draw_event(random_, number)
            if self._struck(Fault.POISON):
                world.write_poison(event, draw_poison(random_, event))
            else:
                await self._write(event)
            while self.again and self.again[0][0] <= number:
                world.write(self.again.popleft()[1])
            # Some come in a rush, some alone.
            if random_.random() < 0.2:
                await asyncio.sleep(world.dice.between(0, 1.0))
        for _, event in self.again:
            world.write(event)

    async def _write(self, event: UserEvent) -> None:
        wait = 0.1
        while not self._acknowledged(event):
            await asyncio.sleep(self.world.dice.between(0, wait))
            wait *= 2
        if self._struck(Fault.PRODUCER_DUPLICATE):
            # Soon enough: a profile remembers a user's last 16 event ids, and the guarantee ends there.
            number = int(event.id.rpartition("-")[2])
            self.again.append((number + 12, event))

    def _acknowledged(self, event: UserEvent) -> bool:
        """Try to write an event; True when the producer is told that it is written."""
        if self._struck(Fault.PRODUCER_FAILS):
            return False
        self.world.write(event)
        return not self._struck(Fault.PRODUCER_RETRY)

    def _struck(self, fault: Fault) -> bool:
        return self.world.dice.strikes(fault, self.world.now, "")
