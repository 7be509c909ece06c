"""From produce to update seen, in an open loop: events are due at fixed times, whatever became of earlier ones.

Counted from the moment at which an event was due, so an engine (or a producer) that falls behind cannot hide it
("coordinated omission", Tene, 2013).

Each share has a stack of its own: the embedded broker goes through all batches of a partition at each fetch, and events
that come one by one leave a great many, so that the second share would be measured on a slower broker than the first.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from rich.progress import Progress

from ...schemas.errors import SetupError
from .. import wiring
from ..topics import PROFILE_UPDATES, USER_EVENTS
from .load import Load, messages
from .measure import USERS
from .outside import Outside, outside
from .world import World

SHARES = (0.1, 0.5, 0.8)  # of the capacity
SECONDS = 12.0
WARM_SECONDS = 2.0
CAPACITY_SECONDS = 6.0
WARM_TEXTS = 6000  # drift's reference is complete then: how its thresholds are found belongs to the first minutes
_DRAIN_SECONDS = 60.0

Fresh = Callable[[], AbstractAsyncContextManager[World]]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateLatency:
    """Milliseconds from when events were due to when their updates were seen."""

    events_per_second: float
    events: int
    p50: float
    p95: float
    p99: float
    highest: float


async def measure_latency(fresh: Fresh, words: int, progress: Progress) -> dict[str, Any]:
    """At each share of the capacity, which is measured first: with events that come one by one and too fast.

    That is less than of a burst that lies ready, as producing and reading one by one takes a part of the cores.

    Args:
        fresh: Starts a stack.
        words: In a text, all of them distinct.
        progress: Where to show it.
    """
    async with _warm(fresh, words) as bench:
        capacity = await _capacity(bench)
    found: dict[str, Any] = {"capacity_events_per_second": capacity, "words": words}
    for share in progress.track(SHARES, description="latency, at a share of the capacity"):
        async with _warm(fresh, words) as bench:
            found[f"{100 * share:.0f}"] = asdict(await _at(bench, share * capacity))
    return found


@dataclass(frozen=True, slots=True)
class _Bench:
    """A stack that is warm.

    Attributes:
        world: The stack.
        client: Sends to it and reads from it.
        words: In a text.
        burst: Events a second of those that lay ready.
    """

    world: World
    client: Outside
    words: int
    burst: float


@asynccontextmanager
async def _warm(fresh: Fresh, words: int) -> AsyncIterator[_Bench]:
    async with fresh() as world:
        warm = await world.through(messages(f"warm-{world.number()}", world.texts(WARM_TEXTS, words), USERS))
        world.tally.rest()
        async with outside(wiring.kafka(world.settings), PROFILE_UPDATES) as client:
            yield _Bench(world, client, words, warm.rate)


async def _capacity(bench: _Bench) -> float:
    """Events a second that are done while more come (sustainable throughput, Karimov et al., ICDE 2018)."""
    done = await _open_loop(bench, bench.burst, CAPACITY_SECONDS)
    begin, end = done.begin + WARM_SECONDS, done.begin + CAPACITY_SECONDS
    return sum(begin <= moment < end for moment in done.seen) / (end - begin)


async def _at(bench: _Bench, rate: float) -> UpdateLatency:
    await _open_loop(bench, rate, WARM_SECONDS)
    took = 1000 * np.array((await _open_loop(bench, rate, SECONDS)).took)
    p50, p95, p99 = np.percentile(took, [50, 95, 99]).tolist()
    return UpdateLatency(events_per_second=rate, events=len(took), p50=p50, p95=p95, p99=p99, highest=float(took.max()))


async def _open_loop(bench: _Bench, rate: float, seconds: float) -> "_Book":
    world, client = bench.world, bench.client
    load = messages(f"paced-{world.number()}", world.texts(round(rate * seconds), bench.words), USERS)
    book = _Book()
    client.listener = book.saw
    try:
        await _pace(client, load, rate, book)
        async with asyncio.timeout(_DRAIN_SECONDS):
            while len(book.took) < len(load):
                await client.turn()
    except TimeoutError:
        raise SetupError(f"{len(load) - len(book.took)} of {len(load)} events were in no update in time") from None
    finally:
        client.listener = None
    return book


async def _pace(client: Outside, load: Load, rate: float, book: "_Book") -> None:
    """Send each event when it is due."""
    book.begin = begin = time.perf_counter() + 0.05
    sent = 0
    while sent < len(load):
        while sent < len(load) and (due := begin + sent / rate) <= time.perf_counter():
            key = load.keys[sent]
            client.send(USER_EVENTS, key, load.values[sent], partial(book.wrote, key, due=due))
            sent += 1
        await client.turn()


class _Book:
    """Which events are on their way, and when the others were seen and how long they took, in seconds."""

    def __init__(self) -> None:
        self.begin = 0.0
        self.seen: list[float] = []
        self.took: list[float] = []
        self._waiting: defaultdict[bytes, deque[tuple[int, float]]] = defaultdict(deque)
        self._last: dict[bytes, tuple[int, float]] = {}

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

    def _done(self, due: float, now: float) -> None:
        self.seen.append(now)
        self.took.append(now - due)
