"""Running a coroutine as the main job of a process, with signals."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOPPED = 130  # exit status of a job that a signal ended before it was done
GRACE = 5.0  # seconds beyond the job's own bound, before the process ends itself

log = structlog.get_logger(__name__)


def run_until_signal(job: Callable[[asyncio.Event], Awaitable[None]], patience: float) -> None:
    """Run `job(stop)`; SIGINT or SIGTERM set `stop`.

    Args:
        job: Ends soon after `stop` is set.
        patience: Seconds that it is given for that; then the process ends with status 1, whatever it is doing.
    """

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def on_signal() -> None:
            if not stop.is_set():
                loop.call_later(patience + GRACE, _give_up)
            stop.set()

        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, on_signal)
        await job(stop)

    asyncio.run(main())


async def unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work, and cancel it when `stop` is set.

    Returns:
        Whether it was done; its errors are raised.
    """
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    if working.cancelled():
        return False
    working.result()
    return True


def _give_up() -> None:
    log.error("not stopped in time, ending the process; what was not acknowledged will be read again")
    sys.stderr.flush()
    os._exit(1)
