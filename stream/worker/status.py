"""What a worker (or the learner) says of itself, in Redis, once a second: for the doctor, the demo and dashboards."""

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal, cast

import orjson
import psutil
from redis.asyncio import Redis

from ...inference.pool import Served
from ...inference.serving import Serving
from ..engine.engine import Counters
from ..store.redis import translated

Role = Literal["worker", "learner", "updater"]

EXPIRES = 15  # seconds after its last word, a process is gone

# One hash a role: one key is on one node of a cluster, and is read whole in one round trip. The server's clock tells
# who spoke lately, as those of processes differ. KEYS[1] the hash.
_KEY = "profilestream:statuses:"

# ARGV[1] the process's name, ARGV[2] what it says, ARGV[3] seconds after which it is gone.
_PUBLISH = """
redis.call('HSET', KEYS[1], ARGV[1], redis.call('TIME')[1] .. ' ' .. ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""

# ARGV[1] seconds after which a process is gone: it is then removed. Gives names and what they say, in turn.
_READ = """
local since = redis.call('TIME')[1] - ARGV[1]
local found, lately = redis.call('HGETALL', KEYS[1]), {}
for at = 1, #found, 2 do
  local time, said = string.match(found[at + 1], '^(%d+) (.*)$')
  if tonumber(time) > since then
    table.insert(lately, found[at])
    table.insert(lately, said)
  else
    redis.call('HDEL', KEYS[1], found[at])
  end
end
return lately
"""


def process_name() -> str:
    """A name for this process: host and process id."""
    return f"{socket.gethostname()}-{os.getpid()}"


def describe(
    counters: Counters, partitions: list[str], serving: Serving, served: Mapping[str, Served]
) -> dict[str, Any]:
    """A worker's state as plain values; memory in bytes, times in seconds since 1970."""
    models = serving.champion
    return {
        "time": time.time(),
        "pid": os.getpid(),
        "partitions": partitions,
        "model": models.encoder,
        "canary": serving.candidate and serving.candidate.encoder,
        "served": {name: asdict(counts) for name, counts in served.items()},
        "heads": {task: head.version for task, head in models.heads.items()},
        "memory": psutil.Process().memory_info().rss,
        "received": counters.received,
        "applied": counters.applied,
        "skipped": counters.skipped,
        "updates": counters.updates,
        "batches": counters.batches,
        "dead_letters": dict(counters.dead_letters),
        "seconds_since_progress": time.monotonic() - counters.last_progress,
    }


async def publish_status(
    client: "Redis", role: Role, status: Mapping[str, Any], *, name: str | None = None, expires: int = EXPIRES
) -> None:
    """Write a process's state.

    Args:
        client: Of Redis.
        role: Of the process.
        status: Plain values.
        name: Of the process; this one's without it.
        expires: Seconds after which the role's states are gone when no process of it says anything.
    """
    with translated():
        await client.eval(_PUBLISH, 1, _KEY + role, name or process_name(), orjson.dumps(status), expires)


async def read_statuses(client: "Redis", role: Role = "worker", *, expires: int = EXPIRES) -> dict[str, dict[str, Any]]:
    """The state of each process of a role that spoke within `expires` seconds, by name, in one round trip."""
    with translated():
        found = cast("list[bytes]", await client.eval(_READ, 1, _KEY + role, expires))
    return {name.decode(): orjson.loads(said) for name, said in sorted(zip(found[::2], found[1::2], strict=True))}
