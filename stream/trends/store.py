"""Where the tallies of all workers add up."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import orjson
from redis.asyncio import Redis

from ..store.redis import translated
from .buckets import RESOLUTIONS, Resolution
from .tally import BETWEEN, Count, Tally

PREFIX = "profilestream:trends:"
_ALARMS = PREFIX + "alarms"
MOST_ALARMS = 50


class TrendStore(Protocol):
    """Adds and gives back tallies. All methods raise StoreUnavailableError: try again."""

    async def add(self, now: float, counts: Tally) -> None:
        """Add counts to the buckets of `now`, at every resolution."""

    async def read(self, resolution: Resolution, buckets: Sequence[int]) -> list[Tally]:
        """The tally of each bucket; what is no longer kept is empty."""
        ...

    async def claim(self, name: str, seconds: int) -> bool:
        """True for whoever asks first; then False for everybody, for so long."""
        ...

    async def note(self, alarm: Mapping[str, Any]) -> None:
        """Keep an alarm for readers; the oldest go."""

    async def alarms(self) -> list[dict[str, Any]]:
        """The alarms that are kept, newest first."""
        ...


class MemoryTrendStore:
    """The in-memory twin; `claim` never runs out."""

    def __init__(self) -> None:
        self._tallies: defaultdict[tuple[int, int], Tally] = defaultdict(Counter)
        self._claimed: set[str] = set()
        self._alarms: list[dict[str, Any]] = []

    async def add(self, now: float, counts: Tally) -> None:
        """See TrendStore."""
        for resolution in RESOLUTIONS:
            # Not `+=`: a Counter would drop what is not positive, such as the polarity of bad news.
            self._tallies[resolution.seconds, resolution.bucket(now)].update(counts)

    async def read(self, resolution: Resolution, buckets: Sequence[int]) -> list[Tally]:
        """See TrendStore."""
        return [Counter(self._tallies.get((resolution.seconds, bucket), {})) for bucket in buckets]

    async def claim(self, name: str, seconds: int) -> bool:  # noqa: ARG002
        """See TrendStore."""
        new = name not in self._claimed
        self._claimed.add(name)
        return new

    async def note(self, alarm: Mapping[str, Any]) -> None:
        """See TrendStore."""
        self._alarms = [dict(alarm), *self._alarms][:MOST_ALARMS]

    async def alarms(self) -> list[dict[str, Any]]:
        """See TrendStore."""
        return list(self._alarms)


class RedisTrendStore:
    """A TrendStore on a Redis server: a hash a bucket, which Redis forgets by itself."""

    def __init__(self, client: "Redis") -> None:
        self._client = client

    async def add(self, now: float, counts: Tally) -> None:
        """See TrendStore."""
        with translated():
            async with self._client.pipeline(transaction=False) as pipe:
                for resolution in RESOLUTIONS:
                    key = _key(resolution, resolution.bucket(now))
                    for cell, count in counts.items():
                        pipe.hincrby(key, BETWEEN.join(cell), count)
                    pipe.expire(key, resolution.seconds * (resolution.kept + 1))
                await pipe.execute()

    async def read(self, resolution: Resolution, buckets: Sequence[int]) -> list[Tally]:
        """See TrendStore."""
        with translated():
            async with self._client.pipeline(transaction=False) as pipe:
                for bucket in buckets:
                    pipe.hgetall(_key(resolution, bucket))
                found = cast("list[dict[bytes, bytes]]", await pipe.execute())
        return [Counter({_cell(name): int(count) for name, count in fields.items()}) for fields in found]

    async def claim(self, name: str, seconds: int) -> bool:
        """See TrendStore."""
        with translated():
            return bool(await self._client.set(f"{PREFIX}claim:{name}", 1, nx=True, ex=seconds))

    async def note(self, alarm: Mapping[str, Any]) -> None:
        """See TrendStore."""
        with translated():
            async with self._client.pipeline(transaction=False) as pipe:
                pipe.lpush(_ALARMS, orjson.dumps(dict(alarm)))
                pipe.ltrim(_ALARMS, 0, MOST_ALARMS - 1)
                await pipe.execute()

    async def alarms(self) -> list[dict[str, Any]]:
        """See TrendStore."""
        with translated():
            found = cast("list[bytes]", await self._client.lrange(_ALARMS, 0, MOST_ALARMS - 1))
        return [orjson.loads(alarm) for alarm in found]


def _key(resolution: Resolution, bucket: int) -> str:
    return f"{PREFIX}{resolution.seconds}:{bucket}"


def _cell(field: bytes) -> tuple[str, str, Count]:
    segment, topic, count = field.decode().split(BETWEEN)
    return segment, topic, cast("Count", count)
