"""Where drift is judged together: what workers report, the judge's state, and what it found, for readers.

To show it: `await RedisDriftStore(client).statuses()` gives one JSON object for each encoder that was watched
lately, the newest first. Each says (times in ms, shares 0 to 1):

    {"model": "encoder-v1", "since": ms, "time": ms,     # since: the marker of a model switch
     "state": "collecting" | "calm" | "alarm",           # collecting: the reference is not complete
     "kind": null | "mix" | "content" | "labels" | "model",
     "summary": "...",                                   # one sentence
     "events": 12000, "reference": 5000, "wanted": 5000, # texts seen, texts in the reference, texts it needs
     "statistics": [{"name": "novelty", "title": "...", "value": 0.27, "usual": 0.26, "score": 0.3}, ...],
                                                         # score: in units of its threshold, above 1 is a change
     "history": {"times": [ms, ...], "scores": {"novelty": [0.1, ...], ...}},   # one a check, the last 240
     "codes": {"reference": [share, ...], "current": [share, ...]},             # one a code of the codebook
     "novelty": {"edges": [0.0, ...], "reference": [share, ...], "current": [share, ...]},   # a histogram
     "feedback": {"labels": 900, "errors": 0.08, "usual": 0.07},    # usual: null where there is too little of it
     "alarms": [the fields of a DriftReport, ...]}                  # newest first, at most 50
"""

from typing import Any, Protocol, cast

import orjson
from redis.asyncio import Redis

from .redis import translated

PREFIX = "profilestream:drift:"
MOST_REPORTS = 4096
_KEPT = 30 * 86_400  # seconds that a model's state outlives its last report

# KEYS[1] the state; ARGV[1] the revision that was read, ARGV[2] the new state, ARGV[3] seconds to keep it.
_COMPARE_AND_SET = """
if (redis.call('HGET', KEYS[1], 'revision') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[1] + 1, 'data', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


class DriftStore(Protocol):
    """Shared by all workers. All methods raise StoreUnavailableError: try again."""

    async def report(self, model: str, data: bytes) -> None:
        """Add a worker's report to those of a model; the oldest go where nobody takes them."""

    async def reports(self, model: str, after: str, most: int) -> list[tuple[str, bytes]]:
        """Reports of a model after the one called `after` (`""`: from the first on), with their names, in order."""
        ...

    async def load(self, model: str) -> tuple[int, bytes | None]:
        """The judge's state and its revision; 0 where there is none."""
        ...

    async def save(self, model: str, revision: int, data: bytes) -> bool:
        """Put a state in place of the one of that revision; False where another judge was faster."""
        ...

    async def forget(self, model: str) -> None:
        """Drop state and reports: the next texts are the new reference."""

    async def publish(self, model: str, status: dict[str, Any]) -> None:
        """Show what was found."""

    async def statuses(self) -> list[dict[str, Any]]:
        """What was found for each model, the newest model first."""
        ...

    async def lease(self, owner: str, seconds: int) -> bool:
        """Whether `owner` may judge now: one at a time, so that work is not done twice. It may be renewed."""
        ...


class MemoryDriftStore:
    """The in-memory twin."""

    def __init__(self) -> None:
        self._reports: dict[str, list[tuple[str, bytes]]] = {}
        self._states: dict[str, tuple[int, bytes]] = {}
        self._statuses: dict[str, dict[str, Any]] = {}
        self._count = 0

    async def report(self, model: str, data: bytes) -> None:
        """See DriftStore."""
        self._count += 1
        reports = self._reports.setdefault(model, [])
        reports.append((f"{self._count:012}", data))
        del reports[:-MOST_REPORTS]

    async def reports(self, model: str, after: str, most: int) -> list[tuple[str, bytes]]:
        """See DriftStore."""
        return [(name, data) for name, data in self._reports.get(model, []) if name > after][:most]

    async def load(self, model: str) -> tuple[int, bytes | None]:
        """See DriftStore."""
        return self._states.get(model, (0, None))

    async def save(self, model: str, revision: int, data: bytes) -> bool:
        """See DriftStore."""
        if (await self.load(model))[0] != revision:
            return False
        self._states[model] = revision + 1, data
        return True

    async def forget(self, model: str) -> None:
        """See DriftStore."""
        for kept in (self._reports, self._states, self._statuses):
            kept.pop(model, None)

    async def publish(self, model: str, status: dict[str, Any]) -> None:
        """See DriftStore."""
        self._statuses[model] = orjson.loads(orjson.dumps(status))

    async def statuses(self) -> list[dict[str, Any]]:
        """See DriftStore."""
        return sorted(self._statuses.values(), key=lambda status: -status["since"])

    async def lease(self, owner: str, seconds: int) -> bool:  # noqa: ARG002 (one process, one judge)
        """See DriftStore."""
        return True


class RedisDriftStore:
    """A DriftStore on a Redis server: reports in a stream, the state in a hash, what was found in another."""

    def __init__(self, client: "Redis") -> None:
        self._client = client
        self._compare_and_set = client.register_script(_COMPARE_AND_SET)

    async def report(self, model: str, data: bytes) -> None:
        """See DriftStore."""
        with translated():
            await self._client.xadd(_reports(model), {"data": data}, maxlen=MOST_REPORTS, approximate=True)

    async def reports(self, model: str, after: str, most: int) -> list[tuple[str, bytes]]:
        """See DriftStore."""
        with translated():
            begin = f"({after}" if after else "-"
            found = cast("Any", await self._client.xrange(_reports(model), min=begin, count=most))
        return [(name.decode(), fields[b"data"]) for name, fields in found]

    async def load(self, model: str) -> tuple[int, bytes | None]:
        """See DriftStore."""
        with translated():
            found = cast("list[bytes | None]", await self._client.hmget(_state(model), ["revision", "data"]))
        return int(found[0] or 0), found[1]

    async def save(self, model: str, revision: int, data: bytes) -> bool:
        """See DriftStore."""
        with translated():
            return bool(await self._compare_and_set(keys=[_state(model)], args=[revision, data, _KEPT]))

    async def forget(self, model: str) -> None:
        """See DriftStore."""
        with translated():
            await self._client.delete(_reports(model), _state(model))
            await self._client.hdel(PREFIX + "status", model)

    async def publish(self, model: str, status: dict[str, Any]) -> None:
        """See DriftStore."""
        with translated():
            await self._client.hset(PREFIX + "status", model, orjson.dumps(status).decode())
            await self._client.expire(_reports(model), _KEPT)

    async def statuses(self) -> list[dict[str, Any]]:
        """See DriftStore."""
        with translated():
            found = cast("list[bytes]", await self._client.hvals(PREFIX + "status"))
        return sorted((orjson.loads(status) for status in found), key=lambda status: -status["since"])

    async def lease(self, owner: str, seconds: int) -> bool:
        """See DriftStore."""
        with translated():
            got = await self._client.set(PREFIX + "judge", owner, nx=True, ex=seconds)
            if got or await self._client.get(PREFIX + "judge") != owner.encode():
                return bool(got)
            return bool(await self._client.expire(PREFIX + "judge", seconds))


def _reports(model: str) -> str:
    return f"{PREFIX}reports:{model}"


def _state(model: str) -> str:
    return f"{PREFIX}state:{model}"
