"""An event loop whose time jumps to the next timer, so that hours of waiting take no time."""

import asyncio
import random
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jump(selectors.SelectSelector):
    """Instead of waiting for the next timer, moves the clock there."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """See BaseSelector."""
        if timeout is None:
            raise RuntimeError("the simulation stands still: everybody waits, and no timer is set")
        self.now += max(timeout, 0.0)
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """For coroutines that talk to nothing outside this process."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)
        # Timers so close are due now: as the clock grows, a float has no room for the nanosecond of real loops.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._jump.now


def run_virtually(job: Coroutine[Any, Any, T], seed: int) -> T:
    """Run a coroutine to its end in virtual time; the waits between retries are drawn from `seed` too."""
    before = random.getstate()
    random.seed(seed)
    try:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(job)
    finally:
        random.setstate(before)
