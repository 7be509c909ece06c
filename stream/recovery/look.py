"""The running system at one moment: workers, partitions, lag."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..engine.ports import Partition
from ..store.redis import RedisStore
from ..worker.status import read_statuses
from .scan import Scanner


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionLook:
    """A partition of user-events.

    Attributes:
        name: `topic-partition`.
        owner: The worker that reads it, as it says itself.
        first, end: What Kafka holds.
        committed: The group's offset.
        watermark: Everything before it is in the stored profiles, says the store.
        commit_age: Seconds since the committed offset was seen to move; None where it was not yet, or nothing waits.
    """

    name: str
    owner: str | None
    first: int
    end: int
    committed: int | None
    watermark: int | None
    commit_age: float | None = None

    @property
    def lag(self) -> int:
        """Messages that are not yet acknowledged."""
        return self.end - max(self.first, self.committed or 0)

    @property
    def rewind(self) -> int:
        """How many messages would be read again at the next assignment, because the store is behind the commits."""
        return max(0, (self.committed or 0) - (self.watermark or 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen.

    Attributes:
        at: Seconds of a clock that never goes back.
        workers: What each says of itself, see `worker/status.py`, by name.
        partitions: In their order.
        rates: Events a second that each worker applied since the look before, by name; empty at the first look.
    """

    at: float
    workers: Mapping[str, Mapping[str, Any]]
    partitions: tuple[PartitionLook, ...]
    rates: Mapping[str, float]

    @property
    def lag(self) -> int:
        """Of all partitions."""
        return sum(partition.lag for partition in self.partitions)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "workers": {name: {**status, "rate": self.rates.get(name)} for name, status in self.workers.items()},
            "partitions": [{**asdict(p), "lag": p.lag, "rewind": p.rewind} for p in self.partitions],
            "lag": self.lag,
            "rate": sum(self.rates.values()) if self.rates else None,
        }


class Observer:
    """Looks again and again.

    Args:
        scanner: Asks Kafka.
        store: Where workers say how they are.
        group: Of the workers.
        topic: What they read.
    """

    def __init__(self, scanner: Scanner, store: RedisStore, group: str, topic: str) -> None:
        self._scanner = scanner
        self._store = store
        self._group = group
        self._topic = topic
        self._before: Look | None = None
        self._moved: dict[str, float] = {}

    async def look(self) -> Look:
        """Look now.

        Raises:
            UnavailableError: Kafka or Redis does not answer.
        """
        workers = await read_statuses(self._store.client)
        spans = await self._scanner.spans(self._topic)
        committed = await self._scanner.committed(self._group, spans)
        marks = await self._store.peek_watermarks()  # not the worker's call, which insists on a life of the server
        owners = {name: worker for worker, status in workers.items() for name in status["partitions"]}
        now = time.monotonic()
        seen = tuple(
            PartitionLook(
                name=str(partition),
                owner=owners.get(str(partition)),
                first=span.first,
                end=span.end,
                committed=committed.get(partition),
                watermark=marks.get(str(partition)),
                commit_age=self._age(partition, committed.get(partition), now),
            )
            for partition, span in spans.items()
        )
        look = Look(at=now, workers=workers, partitions=seen, rates=self._rates(workers))
        self._before = look
        return look

    def _age(self, partition: Partition, committed: int | None, now: float) -> float | None:
        if self._before is None:
            return None
        before = {p.name: p.committed for p in self._before.partitions}
        name = str(partition)
        if before.get(name) != committed:
            self._moved[name] = now
        return now - self._moved[name] if name in self._moved else None

    def _rates(self, workers: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
        """From the workers' own clocks and counters, so that it does not matter when they wrote them down."""
        before = self._before.workers if self._before else {}
        rates = {}
        for name, status in workers.items():
            old = before.get(name)
            if old and status["time"] > old["time"]:
                rates[name] = (status["applied"] - old["applied"]) / (status["time"] - old["time"])
        return rates
