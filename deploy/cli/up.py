"""`profilestream up` and `down`: the local stack, kept running."""

import asyncio
from collections.abc import Callable
from typing import Annotated

import typer

from .. import publishing, wiring
from ..local.api import api
from ..local.runs import Addresses, find_running, stop_running
from ..local.stack import Encoder, LocalStack
from ..prepare import Prepared, prepare, publish_models
from ..settings import Settings
from ..topics import ensure_topics
from .console import output, say
from .running import STOPPED, run_until_signal, unless_stopped

STOP_SECONDS = 60.0  # Triton may take its time


def command(
    context: typer.Context,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Leave the servers running and return.")] = False,
) -> None:
    """Start broker, store, inference server and API on this machine, and keep them running until Ctrl-C.

    Other commands find them by themselves.
    """
    settings: Settings = context.obj
    if find_running(settings.home):
        say("a local stack is running already: `profilestream down` stops it")
        return
    prepared = prepare(settings, say)
    started = asyncio.Event()

    async def job(stop: asyncio.Event) -> None:
        await unless_stopped(stop, _up(settings, prepared, started.set, detach=detach))

    run_until_signal(job, STOP_SECONDS)
    if not started.is_set():
        raise typer.Exit(STOPPED)


def down(context: typer.Context) -> None:
    """Stop the servers that `up --detach` or `demo --keep` left running."""
    settings: Settings = context.obj
    stopped = stop_running(settings.home)
    say(f"{stopped} servers stopped" if stopped else "no local stack is running")


async def _up(settings: Settings, prepared: Prepared, started: Callable[[], None], *, detach: bool) -> None:
    encoder = Encoder(repository=wiring.repository(settings), models=[settings.model])
    async with LocalStack(wiring.home(settings), encoder=encoder, kafka_home=settings.kafka_home, report=say) as stack:
        here = wiring.at(settings, stack.addresses)
        await ensure_topics(wiring.kafka(here), here.partitions)
        await publish_models(here, prepared)
        page = await stack.start(lambda: api(here))
        await publishing.resume(here)
        output.print(exports(stack.addresses), highlight=False, markup=False, soft_wrap=True)
        started()
        say(f"the page: {page.address}")
        if detach:
            stack.detach()
            return
        say("running; Ctrl-C stops it. Commands in other shells find it by themselves.")
        await stack.watch()


def exports(addresses: Addresses) -> str:
    """Lines for a shell, so that other programs find the servers."""
    lines = [
        f"export PROFILESTREAM_KAFKA_BOOTSTRAP={addresses.kafka}",
        f"export PROFILESTREAM_REDIS_URL={addresses.redis}",
    ]
    if addresses.triton:
        lines.append(f"export PROFILESTREAM_TRITON_URL={addresses.triton}")
    return "\n".join(lines)
