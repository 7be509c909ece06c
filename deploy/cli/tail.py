"""`profilestream tail`: watch profiles change."""

import asyncio
from functools import partial
from typing import Annotated, Literal

import typer
from rich.text import Text

from ...schemas.errors import BadRecordError
from ...schemas.events import ProfileUpdate
from ...stream.kafka.reader import follow
from .. import wiring
from ..settings import Settings
from ..terminal import plain
from ..topics import PROFILE_UPDATES
from .console import output, say


def command(
    context: typer.Context,
    beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Begin with the profiles that are there.")
    ] = False,
    limit: Annotated[int, typer.Option(min=0, help="Stop after so many updates; 0: never.")] = 0,
) -> None:
    """Follow profile-updates, a line for each. Ends on Ctrl-C."""
    asyncio.run(_tail(context.obj, beginning=beginning, limit=limit))


async def _tail(settings: Settings, *, beginning: bool, limit: int) -> None:
    shown = 0
    wire = wiring.wire(settings)
    start: Literal["earliest", "latest"] = "earliest" if beginning else "latest"
    ready = partial(say, "following profile-updates, Ctrl-C ends")
    async for record in follow(wiring.kafka(settings), PROFILE_UPDATES, start=start, ready=ready):
        await wire.prepare([record.value])
        try:
            output.print(line(wire.decode(ProfileUpdate, record.value)), soft_wrap=True)
        except BadRecordError as error:
            say(f"offset {record.offset} of partition {record.partition} is not an update: {error}")
        shown += 1
        if shown == limit:
            return


def line(update: ProfileUpdate) -> Text:
    """One update on one line."""
    interests = ", ".join(f"{interest.label} {interest.share:.0%}" for interest in update.interests[:3]) or "-"
    mood = "  ·  " if update.sentiment is None else f"{update.sentiment:+.2f}"
    return Text.assemble(
        plain(update.user, "bold"),
        f"  r{update.revision}  {update.events} events  mood {mood}  ",
        plain(interests, "cyan"),
    )
