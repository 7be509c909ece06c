"""Hypothesis takes the place of the dice: it chooses what happens, and shortens what goes wrong."""

import asyncio
import random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from profilestream.schemas.events import UserEvent
from profilestream.stream.simulation.clock import VirtualTimeLoop
from profilestream.stream.simulation.faults import STRUCK, Dice, Fault
from profilestream.stream.simulation.history import Outcome, Plan
from profilestream.stream.simulation.oracle import Findings, examine
from profilestream.stream.simulation.run import quiet
from profilestream.stream.simulation.workload import NOW, draw_poison
from profilestream.stream.simulation.world import TOPIC, World

USERS = st.sampled_from(["ada", "bob", "cy", "dee"])


class Deployment(RuleBasedStateMachine):
    """Events and faults in any order; in the end everything must be as if nothing had happened."""

    def __init__(self) -> None:
        super().__init__()
        self.chance = random.getstate()
        random.seed(0)
        self.quiet = quiet()
        self.quiet.__enter__()
        self.loop = VirtualTimeLoop()
        self.dice = Dice(random.Random(0), most=10**9, kinds=STRUCK)
        self.written = 0

    @initialize(fenced=st.booleans(), workers=st.integers(1, 3))
    def begin(self, fenced: bool, workers: int) -> None:
        """A deployment at work."""

        async def make() -> World:
            world = World(self.dice, fenced=fenced)
            for place in range(workers):
                world.start_worker(place)
            return world

        self.world = self.loop.run_until_complete(make())

    @rule(user=USERS, count=st.integers(1, 30))
    def write(self, user: str, count: int) -> None:
        """Events of one user."""
        for _ in range(count):
            self.world.write(self.event(user))

    @rule(user=USERS)
    def write_twice(self, user: str) -> None:
        """A producer that was not told that its event is written."""
        event = self.event(user)
        self.world.write(event)
        self.world.write(event)

    @rule(user=USERS)
    def write_poison(self, user: str) -> None:
        """A message that is no event."""
        event = self.event(user)
        self.world.write_poison(event, draw_poison(self.dice.random, event))

    @rule(seconds=st.sampled_from([0.01, 0.1, 1.0, 10.0, 60.0]))
    def wait(self, seconds: float) -> None:
        """Time for the workers, and for whoever starts dead ones again."""

        async def pass_time() -> None:
            await asyncio.sleep(seconds)
            self.world.replace_dead()

        self.loop.run_until_complete(pass_time())

    @rule()
    def back_up(self) -> None:
        """The store writes to its disk."""
        self.world.back_up()

    @rule(fault=st.sampled_from(STRUCK))
    def strike(self, fault: Fault) -> None:
        """Something goes wrong."""

        async def hit() -> None:
            self.world.strike(fault)

        self.loop.run_until_complete(hit())

    def teardown(self) -> None:
        """Peace; then everything is compared with the fold of the events."""
        try:
            outcome = self.loop.run_until_complete(self.end())
            assert outcome.problems == [], outcome.story
        finally:
            self.loop.close()
            self.quiet.__exit__(None, None, None)
            random.setstate(self.chance)

    async def end(self) -> Outcome:
        """What came out."""
        settled = await self.world.settle()
        findings: Findings = await examine(self.world.log, TOPIC, self.world.server.profiles)
        findings.trouble += [repr(error) for error in self.world.errors] + ["never done"] * (not settled)
        await self.world.close()
        return Outcome(
            plan=Plan(seed=0, fenced=self.world.fenced),
            findings=findings,
            faults=self.dice.counts,
            story=self.dice.story,
            seconds=self.world.now,
        )

    def event(self, user: str) -> UserEvent:
        """The next one."""
        self.written += 1
        return UserEvent(
            id=f"e{self.written}", user=user, type="message", time=NOW + self.written, text=f"cat {self.written % 7}"
        )


TestDeployment = Deployment.TestCase
TestDeployment.settings = settings(
    max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
