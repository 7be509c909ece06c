"""`profilestream models migrate`: stored profiles into the space of the encoder in use."""

import asyncio
from typing import Annotated

import typer

from .. import wiring
from ..migrating import migrate
from ..settings import Settings
from .console import output, say
from .progress import progress_bar


def command(
    context: typer.Context,
    start_afresh: Annotated[
        bool, typer.Option("--start-afresh", help="Drop vectors that no map leads from, so that they grow anew.")
    ] = False,
) -> None:
    """Carry all stored profiles into the space of the encoder in use. Workers may go on; run it as often as needed."""
    settings: Settings = context.obj
    encoder = asyncio.run(wiring.champion(settings))
    with progress_bar(f"profiles to {encoder}", "profiles") as report:
        swept = asyncio.run(migrate(settings, encoder, report, start_afresh=start_afresh))
    output.print(f"{swept.moved} carried over, {swept.current} there already, {swept.alone} left alone")
    if swept.fresh:
        output.print(f"{swept.fresh} start afresh")
    for model, count in sorted(swept.unknown.items()):
        say(f"no map leads from {model} ({count} profiles): publish one, or let them --start-afresh")
