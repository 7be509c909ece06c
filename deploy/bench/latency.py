"""From produce to update seen, in an open loop: events are due at fixed times, whatever became of earlier ones.

Counted from the moment at which an event was due, so an engine (or a producer) that falls behind cannot hide it
("coordinated omission", Tene, 2013). Events that are due are sent every 5 ms, as Kafka's own producer does since 4.0
(`linger.ms`).
"""

import asyncio
import time
from collections import defaultdict, deque
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.progress import Progress

from ...schemas.errors import SetupError
from ..topics import PROFILE_UPDATES, USER_EVENTS
from .load import Load, messages
from .measure import USERS
from .tally import Tally
from .world import World, following

SHARES = (0.1, 0.5, 0.8)  # of the capacity
SECONDS = 12.0
WARM_SECONDS = 2.0
CAPACITY_SECONDS = 6.0
_TICK = 0.005
_FETCH_SECONDS = 0.02
_DRAIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateLatency:
    """Milliseconds from when events were due to when their updates were seen."""

    events_per_second: float
    events: int
    p50: float
    p95: float
    p99: float
    highest: float


async def measure_latency(world: World, burst: float | None, words: int, progress: Progress) -> dict[str, Any]:
    """At each share of the capacity, which is measured first: with events that come one by one and too fast.

    That is less than of a burst that lies ready, as producing and reading one by one takes a part of the cores.

    Args:
        world: Idle.
        burst: Events a second of a burst; None measures it.
        words: In a text, all of them distinct.
        progress: Where to show it.
    """
    async with following(world.settings, PROFILE_UPDATES, _FETCH_SECONDS) as tally:
        capacity = await _capacity(world, tally, burst or await _burst(world, words), words)
        found: dict[str, Any] = {"capacity_events_per_second": capacity, "words": words}
        for share in progress.track(SHARES, description="latency, at a share of the capacity"):
            found[f"{100 * share:.0f}"] = asdict(await _at(world, tally, share * capacity, words))
    return found


async def _burst(world: World, words: int) -> float:
    """Of the second of two bursts; the first one warms up."""
    passes = [
        await world.through(messages(f"burst-{world.number()}", world.texts(2000, words), USERS)) for _ in range(2)
    ]
    return passes[-1].rate


async def _capacity(world: World, tally: Tally, rate: float, words: int) -> float:
    """Events a second that are done while more come (sustainable throughput, Karimov et al., ICDE 2018)."""
    done = await _open_loop(world, tally, rate, CAPACITY_SECONDS, words)
    begin, end = done.begin + WARM_SECONDS, done.begin + CAPACITY_SECONDS
    return sum(begin <= moment < end for moment in done.seen) / (end - begin)


async def _at(world: World, tally: Tally, rate: float, words: int) -> UpdateLatency:
    await _open_loop(world, tally, rate, WARM_SECONDS, words)
    took = 1000 * np.array((await _open_loop(world, tally, rate, SECONDS, words)).took)
    p50, p95, p99 = np.percentile(took, [50, 95, 99]).tolist()
    return UpdateLatency(events_per_second=rate, events=len(took), p50=p50, p95=p95, p99=p99, highest=float(took.max()))


async def _open_loop(world: World, tally: Tally, rate: float, seconds: float, words: int) -> "_Book":
    load = messages(f"paced-{world.number()}", world.texts(round(rate * seconds), words), USERS)
    book = _Book()
    tally.listener = book.saw
    try:
        await _pace(world, load, rate, book)
        async with asyncio.timeout(_DRAIN_SECONDS):
            await book.all_seen(len(load))
    except TimeoutError:
        raise SetupError(f"{len(load) - len(book.took)} of {len(load)} events were in no update in time") from None
    finally:
        tally.listener = None
    return book


async def _pace(world: World, load: Load, rate: float, book: "_Book") -> None:
    """Send each event when it is due."""
    book.begin = begin = time.perf_counter() + 0.05
    sent = 0
    while sent < len(load):
        while sent < len(load) and (due := begin + sent / rate) <= time.perf_counter():
            key = load.keys[sent]
            future = await world.producer.send(USER_EVENTS, load.values[sent], key=key)
            future.add_done_callback(lambda done, key=key, due=due: book.wrote(key, done.result().offset, due))
            sent += 1
        await asyncio.sleep(_TICK)


class _Book:
    """Which events are on their way, and when the others were seen and how long they took, in seconds."""

    def __init__(self) -> None:
        self.begin = 0.0
        self.seen: list[float] = []
        self.took: list[float] = []
        self._waiting: defaultdict[bytes, deque[tuple[int, float]]] = defaultdict(deque)
        self._last: dict[bytes, tuple[int, float]] = {}
        self._moved = asyncio.Event()

    def wrote(self, user: bytes, offset: int, due: float) -> None:
        """The broker has an event; its update may have been seen before we hear of it."""
        covered, when = self._last.get(user, (-1, 0.0))
        if covered >= offset:
            self._done(due, when)
        else:
            self._waiting[user].append((offset, due))

    def saw(self, user: bytes, offset: int, now: float) -> None:
        """An update covers a user's events up to this offset."""
        self._last[user] = (offset, now)
        waiting = self._waiting[user]
        while waiting and waiting[0][0] <= offset:
            self._done(waiting.popleft()[1], now)

    async def all_seen(self, count: int) -> None:
        """Until so many events are in updates."""
        while len(self.took) < count:
            self._moved.clear()
            await self._moved.wait()

    def _done(self, due: float, now: float) -> None:
        self.seen.append(now)
        self.took.append(now - due)
        self._moved.set()
