"""`profilestream worker`: consume events, keep profiles."""

import asyncio

import typer
import uvloop
from threadpoolctl import threadpool_limits

from ...inference.embedder import Embedder
from ...stream.worker.worker import run_worker
from .. import checks, wiring
from ..settings import Settings
from .running import run_until_signal, unless_stopped


def command(context: typer.Context) -> None:
    """Consume user-events, keep profiles in Redis, publish profile-updates. Stops cleanly on SIGTERM."""
    settings: Settings = context.obj
    options = wiring.worker_options(settings)
    uvloop.install()  # also for the loop that aiokafka gets in a thread of its own
    threadpool_limits(1, "blas")  # its products are small: more threads would only take the encoder's cores

    async def job(stop: asyncio.Event) -> None:
        opened: list[Embedder] = []

        async def open_connections() -> None:
            # Once it runs, a worker waits for servers that are away; one that was never there is a wrong address.
            await checks.servers(settings)
            opened.append(await wiring.embedder(settings))

        if await unless_stopped(stop, open_connections()):
            await run_worker(
                options,
                connection=wiring.kafka(settings),
                store=wiring.store(settings),
                embedder=opened[0],
                wire=wiring.wire(settings),
                stop=stop,
            )

    run_until_signal(job, options.shutdown_seconds)
