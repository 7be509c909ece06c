"""`profilestream serve`: profiles over HTTP, and the page."""

import asyncio

import typer
import uvloop
from threadpoolctl import threadpool_limits

from .. import checks
from ..settings import Settings
from .console import say
from .running import run_until_signal, unless_stopped


def command(context: typer.Context) -> None:
    """Serve profiles over HTTP, and the page at `/`. Stops cleanly on SIGTERM."""
    from .. import api  # noqa: PLC0415 (no other command is to wait for FastAPI, nor a worker to hold it)

    settings: Settings = context.obj
    listening = api.listen(settings)
    uvloop.install()
    threadpool_limits(1, "blas")  # its products are small, and the worker wants the cores

    async def job(stop: asyncio.Event) -> None:
        if await unless_stopped(stop, checks.servers(settings)):
            say(f"the page: {api.address(listening)}")
            await api.serve(settings, listening, stop)

    run_until_signal(job, settings.shutdown_seconds)
