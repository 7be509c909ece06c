"""A worker in a process of its own, to be killed: `python -m tests.stream.worker.process BOOTSTRAP REDIS JSON`."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from profilestream.inference.hashing import HashEmbedder
from profilestream.inference.pool import EncoderPool
from profilestream.stream.worker.worker import run_worker
from tests.stream.worker.place import Place, make_place

ROOT = Path(__file__).parents[3]


@contextmanager
def worker_process(place: Place) -> Iterator["subprocess.Popen[bytes]"]:
    """Runs until it is killed, at the latest at the end of the block."""
    options = place.options
    names = [options.group, options.events, options.model_events, options.outputs.updates, options.outputs.dead_letters]
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, place.connection.bootstrap, place.redis_url, json.dumps(names)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / ".pkg")},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def main() -> None:
    """Run the worker."""
    bootstrap, redis_url, names = sys.argv[1:]
    told = iter(json.loads(names))
    place = make_place(bootstrap, redis_url, lambda _: next(told))
    await run_worker(
        place.options,
        connection=place.connection,
        store=place.store(),
        encoders=EncoderPool.of(HashEmbedder()),
        stop=asyncio.Event(),
    )


if __name__ == "__main__":
    asyncio.run(main())
