"""An open loop: requests begin when their time has come, whether or not earlier ones are answered.

A loop that waits for answers sends less to a server that is slow, and so hides how slow it is ("coordinated omission",
Tene, 2013). Latencies are counted from the moment at which a request should have begun.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from selectors import SelectSelector
from typing import Any, TypeVar

import numpy as np

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """In milliseconds."""

    requests: int
    p50: float
    p99: float
    p999: float
    highest: float


async def open_loop(ask: Callable[[int], Awaitable[None]], rate: float, seconds: float) -> Latencies:
    """Ask `rate` times a second.

    Args:
        ask: Makes the n-th request, and returns when it is answered.
        rate: Requests a second.
        seconds: For so long.
    """
    count = round(rate * seconds)
    took = np.zeros(count)
    begin = time.perf_counter() + 0.1

    async def one(number: int) -> None:
        await ask(number)
        took[number] = time.perf_counter() - begin - number / rate

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            await _until(begin + number / rate)
            group.create_task(one(number))
    p50, p99, p999 = 1000 * np.percentile(took, [50, 99, 99.9])
    return Latencies(requests=count, p50=float(p50), p99=float(p99), p999=float(p999), highest=float(1000 * took.max()))


async def _until(moment: float) -> None:
    left = moment - time.perf_counter()
    if left > 0:
        await asyncio.sleep(left)


async def punctually(work: Callable[[], Coroutine[Any, Any, Found]]) -> Found:
    """Run a client in a thread and an event loop of its own, whose timers are exact to a fraction of a millisecond.

    epoll, which loops use otherwise, wakes on whole milliseconds, and waiting awake would take the cores from the
    servers that are measured. `select` takes microseconds, and is enough for the few connections of a client.
    """

    def run() -> Found:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(SelectSelector())) as runner:
            return runner.run(work())

    return await asyncio.to_thread(run)
