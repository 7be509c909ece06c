"""How a worker is: for orchestrators (/live, /ready), for `profilestream status`, and for its watchdog."""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Protocol

from ...inference.breaker import Breakers, State
from ...inference.pool import EncoderPool
from ...inference.serving import Serving
from ...schemas.errors import ProfilestreamError
from ..engine.engine import Counters
from ..metrics.endpoint import Report
from ..store.base import ProfileStore
from .lag import Lag
from .watchdog import Watchdog

CHECK_SECONDS = 2.0  # that a service has to answer an orchestrator's question


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthOptions:
    """How a worker is watched.

    Attributes:
        host, port: Of its endpoint; port 0: any that is free.
        watchdog_seconds: With work and without progress for so long, it ends.
    """

    host: str = "127.0.0.1"
    port: int = 0
    watchdog_seconds: float = 120.0


class Hosted(Protocol):
    """What is known of a worker's assignment."""

    partitions: list[str]
    assignment: int

    def waiting(self) -> int:
        """Events that were handed over and are not yet acknowledged."""
        ...


class Health:
    """Looks at a worker's parts when it is asked.

    Args:
        options: The watchdog's patience.
        counters: The engine's.
        breakers: Of its services.
        host: Its assignment.
        lag: How far it is behind.
        store, encoders: Asked whether they answer.

    Attributes:
        watchdog: Fed with what is seen here.
    """

    def __init__(
        self,
        options: HealthOptions,
        *,
        counters: Counters,
        breakers: Breakers,
        host: Hosted,
        lag: Lag,
        store: ProfileStore,
        encoders: EncoderPool,
    ) -> None:
        self.watchdog = Watchdog(options.watchdog_seconds, self._busy, self._signs)
        self._counters = counters
        self._breakers = breakers
        self._host = host
        self._lag = lag
        self._store = store
        self._encoders = encoders

    async def live(self) -> Report:
        """That this is answered says that the event loop turns; a problem is work without progress."""
        quiet, patience = self.watchdog.quiet_seconds, self.watchdog.seconds
        facts = {"quiet_seconds": round(quiet, 1), "watchdog_seconds": patience}
        if quiet < patience / 2:
            return Report({}, facts)
        return Report({"progress": f"there is work, and none was done for {quiet:.0f} s"}, facts)

    async def ready(self, serving: Serving) -> Report:
        """Whether partitions are assigned, and Redis, Kafka and the encoder answer."""
        problems = dict(await asyncio.gather(self._store_problem(), self._encoder_problem(serving.champion.encoder)))
        if self._lag.error:
            problems["broker"] = self._lag.error
        problems |= {breaker.service: breaker.error or "away" for breaker in self._breakers if _open(breaker.state)}
        if not self._host.assignment:
            problems["partitions"] = "none assigned yet: the group is forming"
        facts = {
            "partitions": self._host.partitions,
            "model": serving.champion.encoder,
            "breakers": self.breakers(),
            "lag": {name: behind.events for name, behind in self._lag.partitions.items()},
        }
        return Report({part: problem for part, problem in problems.items() if problem}, facts)

    def breakers(self) -> dict[str, dict[str, Any]]:
        """State of each service's breaker, and for how long it has been away."""
        return {
            breaker.service: {"state": breaker.state.value, "seconds": round(breaker.seconds_open(), 1)}
            for breaker in self._breakers
        }

    async def _store_problem(self) -> tuple[str, str]:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._store.check()
        except (ProfilestreamError, TimeoutError) as error:
            return "store", str(error) or "Redis does not answer in time"
        return "store", ""

    async def _encoder_problem(self, model: str) -> tuple[str, str]:
        try:
            await self._encoders.check(model, CHECK_SECONDS)
        except (ProfilestreamError, KeyError) as error:
            return "encoder", str(error)
        return "encoder", ""

    def _busy(self) -> bool:
        return bool(self._host.waiting()) or self._lag.unread

    def _signs(self) -> Hashable:
        """A batch, an assignment, or word of a service that is away: probes that fail are a sign of life."""
        heard = tuple(breaker.heard for breaker in self._breakers if _open(breaker.state))
        return self._counters.batches, self._host.assignment, heard


def _open(state: State) -> bool:
    return state is not State.CLOSED
