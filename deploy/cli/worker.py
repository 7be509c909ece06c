"""`profilestream worker`: consume events, keep profiles."""

import asyncio

import typer
import uvloop
from threadpoolctl import threadpool_limits

from ...stream.worker.worker import run_worker
from .. import wiring
from ..settings import Settings
from .running import run_until_signal


def command(context: typer.Context) -> None:
    """Consume user-events, keep profiles in Redis, publish profile-updates. Stops cleanly on SIGTERM."""
    settings: Settings = context.obj
    options = wiring.worker_options(settings)
    uvloop.install()  # also for the loop that aiokafka gets in a thread of its own
    threadpool_limits(1, "blas")  # its products are small: more threads would only take the encoder's cores

    async def job(stop: asyncio.Event) -> None:
        await run_worker(
            options,
            connection=wiring.kafka(settings),
            store=wiring.store(settings),
            embedder=await wiring.embedder(settings),
            wire=wiring.wire(settings),
            stop=stop,
        )

    run_until_signal(job, options.shutdown_seconds)
