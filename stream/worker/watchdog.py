"""Ends a worker that has work and makes no progress, so that whoever supervises it starts another.

Waiting for a service that is known to be away is no hang, as long as its breaker hears of failed probes. Time is
counted in the watchdog's own ticks, not by a clock: a process that was stopped and goes on has missed nothing.
"""

import asyncio
import faulthandler
import os
import sys
import threading
import traceback
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from ...schemas.errors import StuckError

EXIT_STATUS = 75  # EX_TEMPFAIL of sysexits.h: try again
_TICKS = 20  # within the time that it has patience

log = structlog.get_logger(__name__)


class Watchdog:
    """Watches progress, and from a thread of its own that the event loop turns.

    Args:
        seconds: Its patience.
        busy: Whether there is something to do.
        signs: Changes with each sign of life: a finished batch, an answer or a failed probe of a service.
        end: Ends the process when the event loop does not turn.
    """

    def __init__(
        self,
        seconds: float,
        busy: Callable[[], bool],
        signs: Callable[[], Hashable],
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self.seconds = seconds
        self._busy = busy
        self._signs = signs
        self._end = end
        self._interval = min(1.0, seconds / _TICKS)
        self._seen: Hashable = None
        self._quiet = 0
        self._ticks = 0

    @property
    def quiet_seconds(self) -> float:
        """How long there has been work and no sign of life."""
        return self._quiet * self._interval

    @property
    def stuck(self) -> bool:
        """Whether its patience is at an end."""
        return self.quiet_seconds > self.seconds

    def tick(self) -> None:
        """Look once."""
        self._ticks += 1
        signs = self._signs()
        if signs != self._seen or not self._busy():
            self._seen, self._quiet = signs, 0
        else:
            self._quiet += 1

    async def run(self) -> None:
        """Look again and again.

        Raises:
            StuckError: There was work and no progress for too long.
        """
        with self._loop_watched():
            while not self.stuck:
                await asyncio.sleep(self._interval)
                self.tick()
        places = {task.get_name(): _place(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()}
        log.error("no progress: this worker hangs", seconds=self.seconds, tasks=_engine_first(places))
        for task in asyncio.all_tasks():
            log.debug("task", name=task.get_name(), stack=_stack(task))
        raise StuckError(
            f"There was work and no progress for {self.seconds:g} s: the worker ends, for its supervisor to start "
            "another. What was not acknowledged will be read again."
        )

    @contextmanager
    def _loop_watched(self) -> Iterator[None]:
        """An event loop that hangs in a call cannot say so itself."""
        done = threading.Event()
        thread = threading.Thread(target=self._watch_loop, args=(done,), name="watchdog", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()

    def _watch_loop(self, done: threading.Event) -> None:
        seen, missed = -1, 0
        while not done.wait(self._interval):
            missed = missed + 1 if seen == self._ticks else 0
            seen = self._ticks
            if missed * self._interval > self.seconds:
                log.error("the event loop hangs: ending this worker", seconds=self.seconds)
                faulthandler.dump_traceback(sys.__stderr__ or sys.stderr)
                self._end(EXIT_STATUS)
                return


def _place(task: "asyncio.Task[object]") -> str:
    """Where a task waits: the innermost of its frames."""
    frames = _frames(task)
    return f"{frames[-1].name} ({frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno})" if frames else "?"


def _stack(task: "asyncio.Task[object]") -> str:
    return "".join(traceback.format_list(_frames(task)))


def _frames(task: "asyncio.Task[object]") -> list[traceback.FrameSummary]:
    """All frames of a task that waits; `Task.get_stack` gives the outermost only."""
    frames: list[traceback.FrameSummary] = []
    waiting: Any = task.get_coro()
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "gi_frame", None)
        if frame is None:
            break
        frames += traceback.extract_stack(frame, limit=1)
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)
    return frames


def _engine_first(places: dict[str, str]) -> dict[str, str]:
    """Those tasks that have a name from us; asyncio numbers the others."""
    return {name: place for name, place in sorted(places.items()) if not name.startswith("Task-")}
