"""What every peer does with events: the same functions that our worker uses.

Decode, check, redact, embed (our Triton client with its cache), reduce to profiles, compare-and-set in Redis, encode
the updates: `Analyser` and `Applier` of the engine. A peer that hands over one event gets them for one event. Their
vectorised arithmetic is made for batches: measured, without a store, 0.7 ms of a core for one event alone and 0.09 ms
for one of a thousand. So whoever goes event by event would be faster with arithmetic written for one, but at most
by that: the rest of its time is its own, and that of its round trips.
"""

import asyncio
import os
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import uvloop

from ....schemas.codec import encode
from ....stream.engine.analysis import Analyser
from ....stream.engine.apply import Applier
from ....stream.engine.ports import Partition, Record
from ....stream.redaction import Redactor
from ....stream.store.models import RedisModelStore
from ....stream.worker.models import CurrentModels
from ... import wiring
from ...settings import Settings

T = TypeVar("T")

EVENTS, UPDATES, GROUP = "BENCH_EVENTS", "BENCH_UPDATES", "BENCH_GROUP"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer reads and writes."""

    settings: Settings
    events: str
    updates: str
    group: str

    @classmethod
    def here(cls) -> Self:
        """As the benchmark says in the environment."""
        return cls(Settings.load(), os.environ[EVENTS], os.environ[UPDATES], os.environ[GROUP])

    @property
    def brokers(self) -> str:
        """Bootstrap servers."""
        return self.settings.kafka_bootstrap


class Work:
    """Makes updates of events. Use `open`."""

    def __init__(self, analyser: Analyser, applier: Applier) -> None:
        self._analyser = analyser
        self._applier = applier

    @classmethod
    async def open(cls, settings: Settings) -> Self:
        """Connect, and load the models."""
        store, encoders = wiring.store(settings), wiring.encoders(settings)
        models = CurrentModels(RedisModelStore(store.client), settings.model, encoders)
        await models.load()
        layout = wiring.layout(settings)
        return cls(Analyser(encoders, models.serving, Redactor(), settings.limits, layout), Applier(store, layout))

    async def batch(self, records: Sequence[Record]) -> list[tuple[bytes, bytes]]:
        """Apply events to profiles; keys and values of the updates that follow, one a user."""
        applied = await self._applier.apply(await self._analyser.analyse(records))
        return [(update.user.encode(), encode(update)) for update in applied.updates]


def record(topic: str, partition: int, offset: int, key: bytes | None, value: bytes | None, timestamp: int) -> Record:
    """An event as the work takes it."""
    return Record(Partition(topic, partition), offset, key, value, timestamp)


class Blocking:
    """The work for frameworks that are not asynchronous: an event loop that runs while it is asked."""

    def __init__(self, place: Place) -> None:
        self._loop = uvloop.new_event_loop()
        self._work: Work = self._do(Work.open(place.settings))

    def batch(self, records: Sequence[Record]) -> list[tuple[bytes, bytes]]:
        """See Work."""
        return self._do(self._work.batch(records))

    def _do(self, job: Coroutine[Any, Any, T]) -> T:
        asyncio.set_event_loop(self._loop)
        return self._loop.run_until_complete(job)


def run(job: Coroutine[Any, Any, None]) -> None:
    """Run a peer's program until it is stopped."""
    try:
        uvloop.run(job)
    except KeyboardInterrupt:
        sys.exit(130)
