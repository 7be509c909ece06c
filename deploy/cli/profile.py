"""`profilestream profile`: look profiles up."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

import orjson
import typer
from rich.bar import Bar
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table

from ...schemas.errors import ConfigurationError
from ...schemas.events import Interest
from ...stream.lookup import Lookup, ReadableProfile
from ...stream.store.models import RedisModelStore, champion_of, load_models
from .. import wiring
from ..settings import Settings
from ..terminal import plain
from .console import output

app = typer.Typer(help="Look profiles up.", no_args_is_help=True)


@app.command()
def show(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="The user's id.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """One user's profile: interests, sentiment, habits and why."""
    profile = asyncio.run(_one(context.obj, user))
    if profile is None:
        raise ConfigurationError(f"there is no profile of {user!r}: no event of this user was applied yet")
    if as_json:
        output.print_json(orjson.dumps(profile.as_dict()).decode())
    else:
        output.print(panel(profile))


@app.command()
def top(
    context: typer.Context,
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="How many.")] = 20,
) -> None:
    """The profiles with the most events."""
    table = Table("user", "events", "last seen", "mood", "interests")
    for profile in asyncio.run(_top(context.obj, most)):
        interests = ", ".join(f"{interest.label} {interest.share:.0%}" for interest in profile.interests[:3])
        table.add_row(
            plain(profile.user), str(profile.events), day(profile.last_seen), mood(profile.sentiment), plain(interests)
        )
    output.print(table)


def panel(profile: ReadableProfile) -> Panel:
    """A profile as a box."""
    facts = Table.grid(padding=(0, 2))
    facts.add_row("events", f"{profile.events}  (revision {profile.revision}, {profile.bytes} bytes)")
    facts.add_row("seen", f"{day(profile.first_seen)} to {day(profile.last_seen)}")
    facts.add_row("mood", f"{mood(profile.sentiment)}  lately {mood(profile.recent_sentiment)}")
    facts.add_row("does", ", ".join(f"{name} {share:.0%}" for name, share in profile.types.items()))
    facts.add_row("when", hours_line(profile.hours))
    why = Table.grid(padding=(0, 2))
    for item in profile.evidence:
        why.add_row(plain(item.label, "cyan"), plain(f"“{item.excerpt}”"), f"{item.confidence:.0%}")
    parts: list[RenderableType] = [facts]
    if profile.interests:
        parts += ["", "[bold]interests[/]", _bars(profile.interests)]
    if profile.evidence:
        parts += ["", "[bold]why[/]", why]
    return Panel(Group(*parts), title=plain(profile.user))


def day(time: int) -> str:
    """A time in ms, to the minute."""
    return datetime.fromtimestamp(time / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M")


def mood(sentiment: float | None) -> str:
    """Sentiment with its sign."""
    return "-" if sentiment is None else f"{sentiment:+.2f}"


def hours_line(hours: list[float]) -> str:
    """24 shares as a row of blocks, midnight to midnight UTC."""
    highest = max(hours) or 1.0
    return "".join(" ▁▂▃▄▅▆▇█"[round(8 * share / highest)] for share in hours) + "  (0 to 24 h UTC)"


def _bars(interests: tuple[Interest, ...]) -> Table:
    table = Table.grid(padding=(0, 2))
    for interest in interests:
        table.add_row(plain(interest.label, "cyan"), f"{interest.share:.0%}", Bar(1.0, 0.0, interest.share, width=30))
    return table


@asynccontextmanager
async def _lookup(settings: Settings) -> AsyncIterator[Lookup]:
    store = wiring.store(settings)
    try:
        artefacts = RedisModelStore(store.client)
        models = await load_models(artefacts, await champion_of(artefacts, settings.model))
        yield Lookup(store, models, wiring.layout(settings))
    finally:
        await store.close()


async def _one(settings: Settings, user: str) -> ReadableProfile | None:
    async with _lookup(settings) as lookup:
        (profile,) = await lookup.get([user])
    return profile


async def _top(settings: Settings, most: int) -> list[ReadableProfile]:
    async with _lookup(settings) as lookup:
        everyone = [profile async for profile in lookup.everyone()]
    return heapq.nlargest(most, everyone, key=lambda profile: profile.events)
