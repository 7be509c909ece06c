"""The stream's health: looked at every other second by the server itself, however many clients ask."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import structlog

from ...schemas.errors import BrokerUnavailableError, ProfilestreamError, StoreUnavailableError
from ..recovery.look import Look
from .answers import Sample, Service, StreamHealth

EVERY = 2.0  # seconds
KEPT = 300  # samples: ten minutes
_PATIENCE = 3.0  # seconds for a service to answer
_IDLE = 10.0  # seconds without progress while events wait, after which a worker counts as stuck

log = structlog.get_logger(__name__)

Probe = Callable[[], Awaitable[object]]


class Looker(Protocol):
    """See `recovery.look.Observer`."""

    async def look(self) -> Look:
        """Look now."""
        ...


class Monitor:
    """Keeps the newest look, and a short past.

    Args:
        open_looker: Connects to Kafka and Redis; left and entered again after an error.
        probes: What to ask of services besides: returns, or raises why it does not answer.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        open_looker: Callable[[], AbstractAsyncContextManager[Looker]],
        probes: Mapping[str, Probe],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._open_looker = open_looker
        self._probes = probes
        self._clock = clock
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._services: dict[str, Service] = {}
        self._look: Look | None = None

    async def run(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            try:
                async with self._open_looker() as looker:
                    while True:
                        await self.once(looker)
                        await asyncio.sleep(EVERY)
            except ProfilestreamError as error:
                await self.failed(error)
            await asyncio.sleep(EVERY)

    async def once(self, looker: Looker) -> None:
        """One look.

        Raises:
            UnavailableError: Kafka or Redis does not answer.
        """
        _, look = await asyncio.gather(self._probe(), asyncio.wait_for(looker.look(), 4 * _PATIENCE))
        self._look = look
        self._note("kafka", None)
        rate = sum(look.rates.values()) if look.rates else None
        self._samples.append(Sample(time=self._now(), events_per_second=rate, lag=look.lag))

    def health(self) -> StreamHealth:
        """As of the last look."""
        look = self._look
        workers = [{"name": n, "rate": look.rates.get(n), **said} for n, said in look.workers.items()] if look else []
        return StreamHealth(
            time=self._now(),
            state=self._state(),
            events_per_second=self._samples[-1].events_per_second if self._samples else None,
            lag=look.lag if look else None,
            workers=[_worker(said) for said in workers],
            partitions=len(look.partitions) if look else 0,
            services=dict(sorted(self._services.items())),
            samples=list(self._samples),
        )

    def _state(self) -> Any:
        if any(not service.up for service in self._services.values()):
            return "down"
        if self._look is None:
            return "starting"
        if not self._look.workers:
            return "no workers"
        stuck = any(said["seconds_since_progress"] > _IDLE for said in self._look.workers.values()) and self._look.lag
        return "stuck" if stuck else "ok"

    async def _probe(self) -> None:
        async def ask(name: str, probe: Probe) -> None:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await probe()
                self._note(name, None)
            except ProfilestreamError as error:
                self._note(name, str(error))
            except TimeoutError:
                self._note(name, f"no answer within {_PATIENCE:.0f} s")

        await asyncio.gather(*[ask(name, probe) for name, probe in self._probes.items()])

    async def failed(self, error: ProfilestreamError) -> None:
        """A look could not be had: say whose fault it is, and ask the others all the same."""
        log.debug("looking failed", error=str(error))
        if isinstance(error, BrokerUnavailableError):
            self._note("kafka", str(error))
        elif isinstance(error, StoreUnavailableError):
            self._note("redis", str(error))
        await self._probe()

    def _note(self, name: str, wrong: str | None) -> None:
        before = self._services.get(name)
        since = before.since if before and before.up == (wrong is None) else self._now()
        self._services[name] = Service(up=wrong is None, since=since, detail=wrong)

    def _now(self) -> int:
        return round(self._clock() * 1000)


def _worker(said: Mapping[str, Any]) -> Any:
    return {
        "name": said["name"],
        "partitions": len(said["partitions"]),
        "events_per_second": said["rate"],
        "applied": said["applied"],
        "skipped": said["skipped"],
        "dead_letters": sum(said["dead_letters"].values()),
        "memory_bytes": said["memory"],
        "idle_seconds": said["seconds_since_progress"],
        "model": said["model"],
        "heads": said["heads"],
    }
