"""What a worker (or the learner) says of itself, in Redis, once a second: for the doctor, the demo and dashboards."""

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

import orjson
import psutil
from redis.asyncio import Redis

from ...inference.pool import Served
from ...inference.serving import Serving
from ..engine.engine import Counters
from ..store.redis import translated

Role = Literal["worker", "learner"]

_PREFIX = "profilestream:status:"
EXPIRES = 15  # seconds after its last word, a process is gone


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


async def publish_status(client: "Redis", role: Role, status: dict[str, Any]) -> None:
    """Write this process's state."""
    with translated():
        await client.set(f"{_PREFIX}{role}:{process_name()}", orjson.dumps(status), ex=EXPIRES)


async def read_statuses(client: "Redis", role: Role = "worker") -> dict[str, dict[str, Any]]:
    """The state of each process of a role that spoke lately, by name."""
    prefix = f"{_PREFIX}{role}:"
    with translated():
        keys = sorted([key async for key in client.scan_iter(match=prefix + "*", count=1000)])
        values = await client.mget(keys) if keys else []
    return {
        key.decode().removeprefix(prefix): orjson.loads(value) for key, value in zip(keys, values, strict=True) if value
    }
