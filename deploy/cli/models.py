"""`profilestream models`: which encoders there are, which one answers, and how to change that."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table

from ...continual.publish.publisher import Publisher
from ...continual.publish.versions import Book, ModelVersion
from ...schemas.errors import ArtefactError
from .. import publishing, wiring
from ..settings import Settings
from ..terminal import plain
from .console import output, say

app = typer.Typer(help="Encoders: look at them, change which one answers.", no_args_is_help=True)

_COLOURS = {"champion": "bold green", "canary": "yellow", "previous": "cyan", "refused": "red", "retired": "dim"}

Name = Annotated[str, typer.Argument(help="A model, e.g. encoder-v2.")]


@app.command("list")
def list_models(context: typer.Context) -> None:
    """All encoders that were ever published, or tried, and where they stand."""
    settings: Settings = context.obj
    book = publishing.registry(settings).book()
    if book.champion is None:
        say(f"nothing was published yet: {settings.model} answers")
        return
    output.print(table(book))
    in_use = asyncio.run(wiring.champion(settings))
    if in_use != book.champion:
        say(f"workers still use {in_use}: `profilestream models resume` points them to {book.champion}")


@app.command()
def show(context: typer.Context, name: Name) -> None:
    """One encoder: its history, what was measured, what goes with it."""
    registry = publishing.registry(context.obj)
    version = registry.book().version(name)
    parts: list[RenderableType] = [_history(version)]
    if version.checks:
        parts += ["", "[bold]measured[/]", _checks(version)]
    try:
        heads = ", ".join(f"{head.task} ({len(head.labels)} labels)" for head in registry.bundle(name).heads)
        parts += ["", f"[bold]heads[/]  {plain(heads)}"]
    except ArtefactError:  # refused before it had any
        parts += ["", "[bold]heads[/]  none"]
    output.print(Panel(Group(*parts), title=plain(name)))


@app.command()
def promote(context: typer.Context, name: Name) -> None:
    """Let an encoder answer that passed its trials, or a previous one. Workers follow by themselves."""
    version = _do(context.obj, lambda publisher: publisher.promote(name))
    say(f"{version.name} answers now; `profilestream models rollback` takes it back")


@app.command()
def rollback(
    context: typer.Context, reason: Annotated[str, typer.Option(help="Why; kept in the history.")] = "by hand"
) -> None:
    """Let the encoder before this one answer again. It was loaded all the time, so this takes no second."""
    version = _do(context.obj, lambda publisher: publisher.rollback(reason))
    say(f"{version.name} answers again")


@app.command()
def resume(context: typer.Context) -> None:
    """Make Redis and the inference server what the registry on disk says: after a crash, or where Redis lost data."""
    asyncio.run(publishing.resume(context.obj))
    list_models(context)


def table(book: Book) -> Table:
    """All versions, the newest first."""
    shown = Table("model", "state", "since", "measured", "why")
    for version in reversed(list(book.versions.values())):
        share = f" {book.share:.0%}" if version.state == "canary" else ""
        shown.add_row(
            version.name,
            f"[{_COLOURS.get(version.state, 'default')}]{version.state}{share}[/]",
            _time(version.history[-1].time) if version.history else "-",
            _summary(version),
            plain(version.reason),
        )
    return shown


def _summary(version: ModelVersion) -> str:
    """The figures that one looks for first."""
    shadow, parity = version.checks.get("shadow", {}), version.checks.get("parity", {})
    parts = [f"parity {parity['cosine']:.4f}"] if "cosine" in parity else []
    parts += [f"agrees {value:.0%} ({name[10:]})" for name, value in shadow.items() if name.startswith("agreement_")]
    if "candidate_p50" in shadow:
        parts.append(f"{1000 * shadow['candidate_p50']:.0f} ms")
    return ", ".join(parts)


def _history(version: ModelVersion) -> Table:
    grid = Table.grid(padding=(0, 2))
    for step in version.history:
        grid.add_row(_time(step.time), f"[{_COLOURS.get(step.state, 'default')}]{step.state}[/]", plain(step.reason))
    return grid


def _checks(version: ModelVersion) -> Table:
    grid = Table.grid(padding=(0, 2))
    for check, figures in version.checks.items():
        grid.add_row(check, ", ".join(f"{name} {value:.4g}" for name, value in figures.items()))
    return grid


def _time(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def _do(settings: Settings, step: Callable[[Publisher], Awaitable[ModelVersion]]) -> ModelVersion:
    async def run() -> ModelVersion:
        async with publishing.publisher(settings) as publisher:
            return await step(publisher)

    return asyncio.run(run())
