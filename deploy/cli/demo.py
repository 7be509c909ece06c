"""`profilestream demo`: the main job, on real servers and real data."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ..demo.run import DemoOptions, run_demo
from ..demo.summary import Summary
from ..prepare import prepare
from ..settings import Settings
from .console import errors, output
from .running import run_until_signal


def command(
    context: typer.Context,
    events: Annotated[int, typer.Option(min=1, help="How many messages to replay; the data set has 258,112.")] = 20_000,
    speed: Annotated[
        float | None,
        typer.Option(min=0.001, help="Replay at a multiple of real time; without it, as fast as possible."),
    ] = None,
    window: Annotated[
        int, typer.Option(min=1, help="Events under way at a time: more is faster, fewer is sooner.")
    ] = 512,
    keep: Annotated[bool, typer.Option(help="Leave the servers running; `profilestream down` stops them.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write the summary's figures to this file.")] = None,
) -> None:
    """Watch live profiles of real people grow from a real stream.

    Starts a broker, a store and Triton, replays conversations of 1,315 people, and sums up. The exit status is 1 if an
    event is unaccounted for.
    """
    settings: Settings = context.obj
    options = DemoOptions(events=events, speed=speed, window=window, keep=keep)
    prepared = prepare(settings, lambda line: errors.print(line, style="dim", highlight=False))
    summaries: list[Summary] = []

    async def job(stop: asyncio.Event) -> None:
        playing = asyncio.ensure_future(run_demo(settings, options, prepared, output))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not playing.done():
            errors.print("stopping", style="dim")
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
            return
        stopping.cancel()
        summaries.append(playing.result())

    run_until_signal(job, 60.0)
    if not summaries:
        raise typer.Exit(130)
    (summary,) = summaries
    output.print(summary.panel())
    if json:
        summary.write(json)
    if not summary.sound:
        errors.print(f"[bold red]{summary.lost} events are unaccounted for[/]; {summary.backward} updates went back")
        raise typer.Exit(1)
