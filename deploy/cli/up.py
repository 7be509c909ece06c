"""`profilestream up` and `down`: the local stack, kept running."""

import asyncio
from typing import Annotated

import typer

from .. import wiring
from ..local.runs import Addresses, find_running, stop_running
from ..local.stack import Encoder, LocalStack
from ..prepare import prepare, publish_models
from ..settings import Settings
from ..topics import ensure_topics
from .console import errors, output
from .running import run_until_signal


def command(
    context: typer.Context,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Leave the servers running and return.")] = False,
) -> None:
    """Start broker, store and inference server on this machine, and keep them running until Ctrl-C."""
    settings: Settings = context.obj
    run_until_signal(lambda stop: _up(settings, stop, detach=detach), settings.shutdown_seconds)


def down(context: typer.Context) -> None:
    """Stop the servers that `up --detach` or `demo --keep` left running."""
    stopped = stop_running(wiring.home(context.obj))
    errors.print(f"{stopped} servers stopped" if stopped else "no local stack is running")


async def _up(settings: Settings, stop: asyncio.Event, *, detach: bool) -> None:
    if find_running(wiring.home(settings)):
        errors.print("a local stack is running already: `profilestream down` stops it")
        return
    prepared = await asyncio.to_thread(prepare, settings, errors.print)
    encoder = Encoder(repository=wiring.repository(settings), models=[settings.model])
    async with LocalStack(
        wiring.home(settings), encoder=encoder, kafka_home=settings.kafka_home, report=errors.print
    ) as stack:
        here = wiring.at(settings, stack.addresses)
        await ensure_topics(wiring.kafka(here), settings.partitions, settings.replication)
        await publish_models(here, prepared)
        output.print(exports(stack.addresses), highlight=False)
        if detach:
            stack.detach()
            return
        errors.print("running; Ctrl-C stops it", style="dim")
        watch = asyncio.ensure_future(stack.watch())
        await asyncio.wait({watch, asyncio.ensure_future(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
        if watch.done():
            watch.result()
        watch.cancel()


def exports(addresses: Addresses) -> str:
    """Lines for a shell, so that other commands find the servers."""
    lines = [
        f"export PROFILESTREAM_KAFKA_BOOTSTRAP={addresses.kafka}",
        f"export PROFILESTREAM_REDIS_URL={addresses.redis}",
    ]
    if addresses.triton:
        lines.append(f"export PROFILESTREAM_TRITON_URL={addresses.triton}")
    return "\n".join(lines)
