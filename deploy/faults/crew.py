"""The workers: one to three processes, and somebody who starts those again that ended."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Container
from contextlib import asynccontextmanager
from pathlib import Path

from .. import wiring
from ..local.lastwords import last_words, log_tail
from ..local.process import Server
from ..settings import Settings
from .victim import Victim

SESSION_SECONDS = 4.0  # after so long the group throws a silent worker out
REBALANCE_SECONDS = 3.0
MOST = 3
_AGAIN_SECONDS = 0.5
_STOP_SECONDS = 20.0


class Crew:
    """Keeps as many workers alive as are wanted, as a supervisor does.

    Args:
        settings: Of the workers.
        folder: For their logs.
        mutant: The defect that they have.

    Attributes:
        restarts: How often one was started in a dead one's place.
    """

    def __init__(self, settings: Settings, folder: Path, mutant: str | None = None) -> None:
        self._environment = wiring.environment(settings)
        self._folder = folder
        self._mutant = mutant
        self._members: dict[int, tuple[Victim, asyncio.Task[None]]] = {}
        self.restarts = 0

    def __len__(self) -> int:
        return len(self._members)

    def pick(self, chance: float, among: Container[int]) -> Victim | None:
        """One of these processes that suffers from nothing now; None where there is none."""
        members = [victim for victim, _ in self._members.values()]
        well = [victim for victim in members if not victim.busy.locked() and victim.pid in among]
        return well[int(chance * len(well))] if well else None

    def kill(self) -> None:
        """Kill all: those that come in their place join afresh."""
        for victim, _ in self._members.values():
            victim.signal(signal.SIGKILL)

    def last_words(self) -> list[str]:
        """The last that each of them said of trouble."""
        said = {path.stem: last_words(log_tail(path)) for path in sorted(self._folder.glob("worker-*.log"))}
        return [f"{name}: {words}" for name, words in said.items()]

    def join(self) -> bool:
        """One more, where there is room for it."""
        free = [place for place in range(MOST) if place not in self._members]
        if free:
            victim = Victim(self._server(free[0]), self._folder)
            self._members[free[0]] = victim, asyncio.create_task(self._keep(victim))
        return bool(free)

    async def leave(self, victim: Victim) -> bool:
        """One fewer, stopped as SIGTERM stops it; but never none."""
        place = next((place for place, (member, _) in self._members.items() if member is victim), None)
        if place is None or len(self._members) < 2:
            return False
        await self._dismiss(place)
        return True

    @asynccontextmanager
    async def at_rest(self) -> AsyncIterator[None]:
        """All of them are stopped for as long as the block runs."""
        count = len(self)
        await self.stop()
        try:
            yield
        finally:
            for _ in range(count):
                self.join()

    async def stop(self) -> None:
        """Stop all."""
        await asyncio.gather(*[self._dismiss(place) for place in list(self._members)])

    async def _dismiss(self, place: int) -> None:
        victim, keeping = self._members.pop(place)
        keeping.cancel()
        await asyncio.wait({keeping})
        await victim.stop()

    async def _keep(self, victim: Victim) -> None:
        while True:
            await victim.start()
            await victim.ended()
            self.restarts += 1
            await asyncio.sleep(_AGAIN_SECONDS)

    def _server(self, place: int) -> Server:
        async def started() -> bool:
            return True

        defect = ("--mutant", self._mutant) if self._mutant else ()
        return Server(
            name=f"worker-{place}",
            address="faults worker",
            command=(sys.executable, "-m", "profilestream.deploy.faults.worker", *defect),
            ready=started,
            environment=self._environment,
            stop_within=_STOP_SECONDS,
        )
