"""`profilestream demo`: the main job, on real servers and real data."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ..demo.run import DemoOptions, run_demo
from ..demo.summary import Summary
from ..prepare import prepare
from ..settings import Settings
from .console import complain, output, say
from .running import STOPPED, run_until_signal, unless_stopped

STOP_SECONDS = 60.0  # Triton may take its time


def command(
    context: typer.Context,
    events: Annotated[int, typer.Option(min=1, help="How many messages to replay; the data set has 258,112.")] = 20_000,
    labels: Annotated[
        int, typer.Option(min=0, help="Labels of earlier messages that are told first, at most.")
    ] = 3_000,
    speed: Annotated[
        float | None,
        typer.Option(min=0.001, help="Replay at a multiple of real time; without it, as fast as possible."),
    ] = None,
    window: Annotated[
        int, typer.Option(min=1, help="Events under way at a time: more is faster, fewer is sooner.")
    ] = 512,
    keep: Annotated[bool, typer.Option(help="Leave the servers running; `profilestream down` stops them.")] = False,
    triton: Annotated[
        bool, typer.Option(help="Serve the encoder by Triton, or run its twin inside the worker, which needs less.")
    ] = True,
    update: Annotated[
        bool, typer.Option(help="Train the encoder in the background when a new topic has come up half-way.")
    ] = True,
    json: Annotated[Path | None, typer.Option(help="Write the summary's figures to this file.")] = None,
) -> None:
    """Watch live profiles of real people grow from a real stream.

    Starts a broker, a store and Triton, replays conversations of 1,315 people, and sums up. The exit status is 1 if an
    event is unaccounted for.
    """
    settings: Settings = context.obj
    options = DemoOptions(
        events=events, labels=labels, speed=speed, window=window, keep=keep, triton=triton, update=update
    )
    prepared = prepare(settings, say)
    summaries: list[Summary] = []

    async def play() -> None:
        summaries.append(await run_demo(settings, options, prepared, output))

    async def job(stop: asyncio.Event) -> None:
        if not await unless_stopped(stop, play()):
            say("stopped")

    run_until_signal(job, STOP_SECONDS)
    if not summaries:
        raise typer.Exit(STOPPED)
    conclude(summaries[0], json)


def conclude(summary: Summary, json: Path | None) -> None:
    """Print and write the figures; an exit status of 1 if they are not sound."""
    output.print(summary.panel())
    if json:
        summary.write(json)
    if not summary.sound:
        complain(summary.verdict)
        raise typer.Exit(1)
