"""Memory of a worker over a million events: how much, and whether it is flat."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil
from rich.progress import Progress

from ..topics import USER_EVENTS
from .load import clicks, pack, send
from .world import World

EVENTS = 1_000_000
CHUNK = 20_000
USERS = 20_000
_SAMPLE_SECONDS = 0.25
_SETTLED = 0.5  # the slope is of what comes after this share of the run: before, buffers and caches fill


@dataclass(slots=True)
class MemoryCurve:
    """Resident bytes of a worker, by how many events it had been sent."""

    events: list[int] = field(default_factory=list)
    resident: list[int] = field(default_factory=list)

    def slope(self) -> float:
        """Bytes an event, by least squares over the second half of the events."""
        events, resident = np.array(self.events, dtype=float), np.array(self.resident, dtype=float)
        late = events >= _SETTLED * events.max()
        if late.sum() < 2 or np.ptp(events[late]) == 0:
            return 0.0
        return float(np.polyfit(events[late], resident[late], 1)[0])

    def as_dict(self) -> dict[str, Any]:
        """For `--json`; a hundred points of the curve at most."""
        step = max(1, len(self.events) // 100)
        return {
            "first_bytes": self.resident[0],
            "last_bytes": self.resident[-1],
            "highest_bytes": max(self.resident),
            "slope_mib_per_million_events": self.slope() * 1e6 / 2**20,
            "curve": {"events": self.events[::step], "resident_bytes": self.resident[::step]},
        }


async def measure_memory(world: World, count: int, progress: Progress) -> dict[str, Any]:
    """Events without a text, so that a million take no hour: what a text needs is bounded by the cache's size.

    Args:
        world: With one worker, that is idle.
        count: How many events.
        progress: Where to show it.
    """
    process = psutil.Process((await world.statuses())[0]["pid"])
    curve, sent = MemoryCurve(), 0

    async def watch() -> None:
        while True:
            curve.events.append(sent)
            curve.resident.append(process.memory_info().rss)
            await asyncio.sleep(_SAMPLE_SECONDS)

    watching = asyncio.create_task(watch())
    started = time.perf_counter()
    try:
        bar = progress.add_task("memory, events", total=count)
        for size in _chunks(count):
            load = clicks(f"many-{world.number()}", size, USERS, prefix="many-", first=sent)
            expected = await send(world.producer, USER_EVENTS, pack(world.producer, load, world.settings.partitions))
            await world.tally.until(expected)
            sent += size
            progress.update(bar, completed=sent)
        seconds = time.perf_counter() - started
        await asyncio.sleep(2 * _SAMPLE_SECONDS)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    return curve.as_dict() | {"events": count, "users": USERS, "events_per_second_with_this_producer": sent / seconds}


def _chunks(count: int) -> Iterator[int]:
    for at in range(0, count, CHUNK):
        yield min(CHUNK, count - at)
