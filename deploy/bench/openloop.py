"""An open loop: requests begin when their time has come, whether or not earlier ones are answered.

A loop that waits for answers sends less to a server that is slow, and so hides how slow it is ("coordinated omission",
Tene, 2013). Latencies are counted from the moment at which a request should have begun.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np

_SPIN = 0.0015  # seconds: timers are coarser than what is measured, so the last bit is waited for awake


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
    if left > _SPIN:
        await asyncio.sleep(left - _SPIN)
    while time.perf_counter() < moment:  # noqa: ASYNC110 (nobody tells the time)
        await asyncio.sleep(0)
