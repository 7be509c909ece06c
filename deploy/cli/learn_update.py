"""`profilestream learn run` and `learn watch`: the encoder learns, once or whenever it is due."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ...continual.update.trigger import TriggerOptions
from ...schemas.errors import SetupError
from ..settings import Settings
from ..terminal import plain
from .console import errors, output, say
from .running import run_until_signal, unless_stopped

if TYPE_CHECKING:
    from ...continual.update.job import Told
    from ...continual.update.state import JobState

_USUAL = TriggerOptions()
_ROOM = {"epochs": 4, "layers": 2, "threads": 2}  # what a fine-tune takes without these options
_COLOURS = {"published": "bold green", "refused": "yellow", "superseded": "yellow"}


Epochs = Annotated[int, typer.Option(min=1, help="Passes over the texts; fewer are sooner done.")]
Layers = Annotated[int, typer.Option(min=1, help="Layers of the encoder that learn, from the top.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads that train.")]


def run(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Written into the report.")] = "asked for",
    epochs: Epochs = _ROOM["epochs"],
    layers: Layers = _ROOM["layers"],
    threads: Threads = _ROOM["threads"],
) -> None:
    """Fine-tune the encoder on the feedback, judge it, publish it if it is better, and carry the profiles over."""
    settings: Settings = context.obj
    updating = _updating()
    tuning = updating.tuning(epochs, layers, threads)

    async def job(stop: asyncio.Event) -> None:
        with _steps() as told:
            if not await unless_stopped(stop, _run(updating, settings, reason, told, tuning)):
                say("stopped; the next run goes on where this one was")

    run_until_signal(job, settings.shutdown_seconds)


def watch(
    context: typer.Context,
    labels: Annotated[int, typer.Option(min=1, help="Run after so many new labels.")] = _USUAL.labels,
    hours: Annotated[float, typer.Option(min=0.0, help="Run after so long, where there are new labels; 0: never.")] = (
        _USUAL.seconds / 3600
    ),
    cool_down: Annotated[float, typer.Option(min=0.0, help="Seconds from one update to the next, at least.")] = (
        _USUAL.cool_down
    ),
    epochs: Epochs = _ROOM["epochs"],
    layers: Layers = _ROOM["layers"],
    threads: Threads = _ROOM["threads"],
) -> None:
    """Run an update when drift is reported, when enough labels came in, or when it was long ago."""
    settings: Settings = context.obj
    updating = _updating()
    tuning = updating.tuning(epochs, layers, threads)
    options = TriggerOptions(labels=labels, seconds=hours * 3600, cool_down=cool_down)

    async def job(stop: asyncio.Event) -> None:
        await unless_stopped(stop, updating.watch(settings, options, lambda _step, _done, _of: None, show, tuning))

    run_until_signal(job, settings.shutdown_seconds)


async def _run(updating: Any, settings: Settings, reason: str, told: "Told", tuning: Any) -> None:
    show(await updating.update(settings, reason, told, tuning))


def show(state: "JobState") -> None:
    """How an update ended."""
    outcome = str(state.outcome)
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("outcome", f"[{_COLOURS.get(outcome, 'bold')}]{outcome}[/]")
    table.add_row("why", plain(state.why))
    moved = state.done.get("migrate")
    if moved:
        table.add_row("profiles", f"{moved['moved']} carried over, {moved['alone']} left alone")
    table.add_row("report", plain(f"{state.done['report']['folder']}/report.md"))
    output.print(table)


@contextmanager
def _steps() -> "Iterator[Told]":
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors) as progress:
        tasks: dict[str, Any] = {}

        def told(step: str, done: int, of: int) -> None:
            if step not in tasks:
                for other in tasks.values():
                    progress.stop_task(other)
                tasks[step] = progress.add_task(step, total=None)
            if of:
                progress.update(tasks[step], completed=done, total=of)

        yield told


def _updating() -> Any:
    try:  # torch and matplotlib: only where something is trained
        from .. import updating  # noqa: PLC0415
    except ImportError as error:
        raise SetupError(f"Training needs {error.name}: pip install 'profilestream[local,train]'.") from error
    return updating
