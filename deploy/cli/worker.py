"""`profilestream worker`: consume events, keep profiles."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
import typer
import uvloop
from threadpoolctl import threadpool_limits

from ...inference.pool import EncoderPool
from ...schemas.errors import FencedError, LostWritesError
from ...stream.worker.worker import run_worker
from .. import checks, wiring
from ..allocator import return_memory
from ..settings import Settings
from ..watches import watches
from .running import run_until_signal, unless_stopped

_OBJECTS_A_COLLECTION = 20_000  # by default it is 700

log = structlog.get_logger(__name__)


def command(context: typer.Context) -> None:
    """Consume user-events, keep profiles in Redis, publish profile-updates. Stops cleanly on SIGTERM."""
    settings: Settings = context.obj
    serve(settings, partial(work, settings))


async def work(settings: Settings, encoders: EncoderPool, stop: asyncio.Event) -> None:
    """A worker with connections of its own and encoders, until it is stopped or cannot go on."""
    await run_worker(
        wiring.worker_options(settings),
        connection=wiring.kafka(settings),
        store=wiring.store(settings),
        encoders=encoders,
        wire=wiring.wire(settings),
        stop=stop,
        watches=watches(settings),
    )


def serve(settings: Settings, work: Callable[[EncoderPool, asyncio.Event], Awaitable[None]]) -> None:
    """Be a worker's process: `work` again and again, afresh wherever it may not go on, until a signal comes."""
    uvloop.install()  # also for the loop that aiokafka gets in a thread of its own
    threadpool_limits(1, "blas")  # its products are small: more threads would only take the encoder's cores
    return_memory()
    # A batch is some ten thousand objects that live until it is done: looking for cycles among them finds none.
    gc.freeze()
    gc.set_threshold(_OBJECTS_A_COLLECTION)

    async def job(stop: asyncio.Event) -> None:
        # Once it runs, a worker waits for servers that are away; one that was never there is a wrong address.
        if not await unless_stopped(stop, checks.servers(settings)):
            return
        while not stop.is_set():
            try:
                await _run(settings, work, stop)
            except (FencedError, LostWritesError) as error:
                # Whatever we hold in memory may be wrong now: join the group anew, and read what is missing again.
                log.warning("starting afresh", reason=str(error))

    run_until_signal(job, settings.shutdown_seconds)


async def _run(
    settings: Settings, work: Callable[[EncoderPool, asyncio.Event], Awaitable[None]], stop: asyncio.Event
) -> None:
    """Work with new connections to encoders, if the one in use answers before we are stopped."""
    encoders = wiring.encoders(settings)

    async def open_encoder() -> None:
        await encoders.open(await wiring.champion(settings))

    if await unless_stopped(stop, open_encoder()):
        await work(encoders, stop)
    else:
        await encoders.close()
