"""`profilestream learn returns`: who comes back within a day, predicted and checked."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.table import Table
from rich.text import Text

from .. import wiring
from ..demo.datasets import PACKAGE, read_chitchat
from ..local.packages import fetch_package
from ..settings import Settings
from .console import output, say
from .progress import progress_bar

if TYPE_CHECKING:
    from ..returns import Evaluation, Happening

_SHOWN = 6


def command(
    context: typer.Context,
    topic: Annotated[bool, typer.Option("--topic", help="Replay user-events instead of the demo's data.")] = False,
    state: Annotated[
        Path | None, typer.Option(help="File of the model: read where it exists, written at the end.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Predict who comes back within a day, online and in event time, and compare with what happened."""
    # Not at the top: workers are started by the same program, and need no river.
    from ..returns import evaluate, read_model, write_model  # noqa: PLC0415

    settings: Settings = context.obj
    model = read_model(state)
    stream = _topic(settings) if topic else _demo(settings)
    with progress_bar("replaying", "events") as progress:
        evaluation = evaluate(stream, model, progress)
    if state:
        write_model(state, model)
    if as_json:
        output.print_json(orjson.dumps(evaluation.as_dict()).decode())
    else:
        _show(evaluation)


def _topic(settings: Settings) -> "list[Happening]":
    from ..returns import of_topic  # noqa: PLC0415  see above

    with progress_bar("reading user-events", "events") as progress:
        return asyncio.run(of_topic(wiring.kafka(settings), progress))


def _demo(settings: Settings) -> "list[Happening]":
    from ..returns import of_conversations  # noqa: PLC0415  see above

    folder = fetch_package(PACKAGE, wiring.home(settings), say)
    return of_conversations(read_chitchat(folder))


def _show(found: "Evaluation") -> None:
    table = Table("predictor", title="will this user come back within a day?", title_justify="left")
    table.add_column("ROC AUC", justify="right")
    table.add_column("log loss", justify="right")
    for name in found.auc:
        best = "bold" if found.auc[name] == max(found.auc.values()) else ""
        table.add_row(Text(name, best), Text(f"{found.auc[name]:.3f}", best), Text(f"{found.log_loss[name]:.3f}", best))
    output.print(table)
    output.print(
        f"{found.events:,} events of {found.users:,} users; {found.predictions:,} times a user fell silent, "
        f"{found.returned:.0%} of them came back",
        highlight=False,
    )
    leading = sorted(found.weights.items(), key=lambda item: -abs(item[1]))[:_SHOWN]
    said = ", ".join(f"{name} {weight:+.2f}" for name, weight in leading)
    output.print(Text(f"what speaks for it: {said}", style="dim"))
