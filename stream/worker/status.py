"""What a worker says of itself, in Redis, once a second: for `profilestream status`, the demo and the health checks."""

import os
import socket
import time
from typing import Any

import orjson
import psutil
from redis.asyncio import Redis

from ..engine.engine import Counters
from ..store.redis import translated

PREFIX = "profilestream:worker:"
EXPIRES = 15  # seconds after its last word, a worker is gone


def worker_name() -> str:
    """A name for this process: host and process id."""
    return f"{socket.gethostname()}-{os.getpid()}"


def describe(counters: Counters, partitions: list[str], model: str) -> dict[str, Any]:
    """A worker's state as plain values; memory in bytes, times in seconds since 1970."""
    return {
        "time": time.time(),
        "pid": os.getpid(),
        "partitions": partitions,
        "model": model,
        "memory": psutil.Process().memory_info().rss,
        "received": counters.received,
        "applied": counters.applied,
        "skipped": counters.skipped,
        "updates": counters.updates,
        "batches": counters.batches,
        "dead_letters": dict(counters.dead_letters),
        "seconds_since_progress": time.monotonic() - counters.last_progress,
    }


async def publish_status(client: "Redis", name: str, status: dict[str, Any]) -> None:
    """Write a worker's state."""
    with translated():
        await client.set(PREFIX + name, orjson.dumps(status), ex=EXPIRES)


async def read_statuses(client: "Redis") -> dict[str, dict[str, Any]]:
    """The state of each worker that spoke lately, by name."""
    with translated():
        keys = sorted([key async for key in client.scan_iter(match=PREFIX + "*")])
        values = await client.mget(keys) if keys else []
    return {
        key.decode()[len(PREFIX) :]: orjson.loads(value) for key, value in zip(keys, values, strict=True) if value
    }
