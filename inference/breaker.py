"""A breaker for each service that may be away: one probe asks for it, everybody else waits, nothing is dropped."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import structlog

from ..schemas.errors import UnavailableError
from .retry import PATIENT, RetryPolicy

T = TypeVar("T")

log = structlog.get_logger(__name__)


class State(StrEnum):
    """Of a breaker: calls pass; no call passes; one call passes, to see whether the service is back."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """A circuit breaker (Nygard, "Release It!", 2018) whose calls wait instead of failing.

    One call that finds its service away opens it. From then on a single call at a time probes, after pauses that grow
    and are random; when one gets through, all that wait go on. Calls must be safe to repeat.

    Args:
        service: Its name, for logs, health and metrics.
        policy: Of the pauses between probes.

    Attributes:
        state: See State.
        failures: Calls in a row that found the service away.
        openings: How often it was opened so far.
        failures_total: Calls that found the service away so far.
        error: What the last failed call said; empty when closed.
        heard: Loop time at which a call last ended, well or not.
    """

    def __init__(self, service: str, policy: RetryPolicy = PATIENT) -> None:
        self.service = service
        self.state = State.CLOSED
        self.failures = 0
        self.openings = 0
        self.failures_total = 0
        self.error = ""
        self.heard = 0.0
        self._policy = policy
        self._since = 0.0
        self._probes = 0
        self._waiting = 0
        self._probe = asyncio.Lock()
        self._passable = asyncio.Event()
        self._passable.set()

    @property
    def blocking(self) -> bool:
        """Whether calls wait for the service now."""
        return not self._passable.is_set()

    def seconds_open(self) -> float:
        """Since when the service is away; 0 when closed."""
        return 0.0 if self.state is State.CLOSED else asyncio.get_running_loop().time() - self._since

    async def passable(self) -> None:
        """Return when no call waits for the service: it is back, or nobody asks for it any more."""
        await self._passable.wait()

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """The answer of the first attempt that finds the service there. Any other error is raised at once."""
        while True:
            try:
                if not self._away():
                    return await self._watched(attempt)
                with self._in_line():
                    async with self._probe:
                        if self._away():
                            return await self._probed(attempt)
            except UnavailableError:
                continue

    def _away(self) -> bool:
        return self.state is not State.CLOSED

    async def _probed(self, attempt: Callable[[], Awaitable[T]]) -> T:
        await asyncio.sleep(self._policy.pause(self.failures))
        if self.state is State.OPEN:  # a call from before may have got through meanwhile
            self._probes += 1
            self._change(State.HALF_OPEN)
        try:
            return await self._watched(attempt)
        finally:
            if self.state is State.HALF_OPEN:  # failed, or cancelled: then the next in line probes
                self._change(State.OPEN)

    async def _watched(self, attempt: Callable[[], Awaitable[T]]) -> T:
        try:
            answer = await attempt()
        except UnavailableError as error:
            self._failed(error)
            raise
        except Exception:
            self._answered()  # an answer, though not the one hoped for
            raise
        self._answered()
        return answer

    def _failed(self, error: UnavailableError) -> None:
        self.heard = asyncio.get_running_loop().time()
        self.failures += 1
        self.failures_total += 1
        self.error = str(error)
        if self.state is State.CLOSED:
            self._since = self.heard
            self.openings += 1
            self._change(State.OPEN)

    def _answered(self) -> None:
        self.heard = asyncio.get_running_loop().time()
        if self._away():
            self._change(State.CLOSED)
            self.failures, self._probes, self.error = 0, 0, ""

    @contextmanager
    def _in_line(self) -> Iterator[None]:
        self._waiting += 1
        self._open_or_close_the_gate()
        try:
            yield
        finally:
            self._waiting -= 1
            self._open_or_close_the_gate()

    def _open_or_close_the_gate(self) -> None:
        if self.state is State.CLOSED or not self._waiting:
            self._passable.set()
        else:
            self._passable.clear()

    def _change(self, state: State) -> None:
        """One line for each change; of a long outage, what repeats is for debugging."""
        told = {"service": self.service, "failures": self.failures, "seconds": round(self.seconds_open(), 1)}
        self.state = state
        self._open_or_close_the_gate()
        if state is State.CLOSED:
            log.info("breaker closed: the service is back", **told)
        elif state is State.HALF_OPEN:
            (log.info if self._probes == 1 else log.debug)("breaker half-open: probing", **told)
        else:
            (log.debug if self._probes else log.warning)("breaker open: waiting", **told, error=self.error)


@dataclass(frozen=True, slots=True)
class Breakers:
    """Those of a worker: everything in it that uses a service shares its breaker."""

    encoder: Breaker = field(default_factory=lambda: Breaker("encoder"))
    store: Breaker = field(default_factory=lambda: Breaker("store"))
    broker: Breaker = field(default_factory=lambda: Breaker("broker"))
    registry: Breaker = field(default_factory=lambda: Breaker("schema registry"))

    def __iter__(self) -> Iterator[Breaker]:
        return iter((self.encoder, self.store, self.broker, self.registry))

    async def passable(self) -> None:
        """Return when no call waits for any of the services: before that, reading more would only fill memory."""
        while any(breaker.blocking for breaker in self):
            for breaker in self:
                await breaker.passable()
