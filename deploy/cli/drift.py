"""`profilestream drift`: how the stream is, and how well that is noticed."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...stream.store.drift import RedisDriftStore
from .. import wiring
from ..settings import Settings
from ..terminal import plain
from .console import output, say
from .figures import write_figures
from .progress import progress_bar

app = typer.Typer(help="Is the stream still what it was when the models were made?", no_args_is_help=True)

_CLINC = Path(__file__).resolve().parents[3] / "shared" / "data" / "clinc150"
_COLOURS = {"alarm": "bold red", "calm": "green", "collecting": "yellow"}


@app.command()
def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """What is watched for drift, what was usual, and the alarms, for each model that was in use lately."""
    statuses = asyncio.run(_statuses(context.obj))
    if as_json:
        output.print_json(orjson.dumps(statuses).decode())
    else:
        output.print(screen(statuses))


@app.command()
def reset(
    context: typer.Context,
    model: Annotated[str | None, typer.Argument(help="Which model; without it, the one in use.")] = None,
) -> None:
    """Take what comes now as usual: forget a model's reference and its alarms."""
    asyncio.run(_reset(context.obj, model))


@app.command()
def bench(
    context: typer.Context,
    repeats: Annotated[int, typer.Option(min=1, help="Draws of reference and streams for each domain.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same streams.")] = 0,
    peers: Annotated[bool, typer.Option(help="Run river's and Evidently's detectors on the same streams.")] = True,
    domains: Annotated[
        str, typer.Option(help="Domains that are new in turn: held-out, tuned (the options were chosen on them), all.")
    ] = "held-out",
    tune: Annotated[bool, typer.Option(help="Show how the options were chosen, instead of judging them.")] = False,
    data: Annotated[
        Path | None, typer.Option(help="Folder of CLINC150; without it, ../shared/data/clinc150 beside the checkout.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Write a picture (PNG, SVG) to this file.")] = None,
) -> None:
    """Power and false alarms on streams whose changes are known, beside other detectors in the same run.

    Texts of nine domains of CLINC150 are the usual stream; from a known point on some come from the tenth, the mix or
    the labels change, or another encoder answers. Five domains are new in turn: those that the monitor's options were
    not chosen on.
    """
    from .. import driftbench  # noqa: PLC0415 (river and the heads take their time to load)

    settings: Settings = context.obj
    folder = data or _CLINC
    with progress_bar("embedding", "texts") as report:
        texts = asyncio.run(driftbench.texts(settings, folder, say, report))
    with progress_bar("streams", "draws") as report:
        if tune:
            output.print(driftbench.tuned(texts, repeats, seed, report))
            return
        result = driftbench.run(texts, driftbench.half(domains), repeats, seed, report, with_peers=peers)
    output.print(driftbench.table(result))
    output.print(driftbench.details(result))
    if json:
        write_figures(json, result.as_dict())
    if picture:
        driftbench.draw(result, picture)
        say(f"picture in {picture}")


async def _statuses(settings: Settings) -> list[dict[str, Any]]:
    store = wiring.store(settings)
    try:
        return await RedisDriftStore(store.client).statuses()
    finally:
        await store.close()


async def _reset(settings: Settings, model: str | None) -> None:
    model = model or await wiring.champion(settings)
    store = wiring.store(settings)
    try:
        await RedisDriftStore(store.client).forget(model)
    finally:
        await store.close()
    say(f"{model}: the next texts say what is usual")


def screen(statuses: list[dict[str, Any]]) -> RenderableType:
    """All models, the newest first."""
    if not statuses:
        return Text("nothing was watched yet: start a worker with `profilestream worker`", style="yellow")
    return Group(*[_model(status) for status in statuses])


def _model(status: dict[str, Any]) -> RenderableType:
    state = status["state"]
    progress = (
        f"{status['reference']:,} of {status['wanted']:,} texts for the reference, " if state == "collecting" else ""
    )
    head = Text.assemble(
        plain(status["model"], "bold"),
        f" since {_time(status['since'])}: ",
        (state, _COLOURS[state]),
        ", ",
        plain(status["summary"]),
        f" ({progress}{status['events']:,} texts seen)",
    )
    parts: list[RenderableType] = [head]
    if status["statistics"]:
        parts.append(_statistics(status))
    if status["alarms"]:
        parts.append(_alarms(status["alarms"]))
    return Group(*parts)


def _statistics(status: dict[str, Any]) -> Table:
    table = Table("what is watched")
    for column in ("usual", "now", "of its limit"):
        table.add_column(column, justify="right")
    for one in status["statistics"]:
        style = "red" if one["score"] > 1 else ""
        table.add_row(
            one["title"], f"{one['usual']:.3f}", f"{one['value']:.3f}", Text(f"{one['score']:.0%}", style=style)
        )
    feedback = status["feedback"]
    usual = "-" if feedback["usual"] is None else f"{feedback['usual']:.3f}"
    table.add_row(f"wrong among the last of {feedback['labels']:,} labels", usual, f"{feedback['errors']:.3f}", "")
    return table


def _alarms(alarms: list[dict[str, Any]]) -> Table:
    table = Table("when", "kind", "state", "what")
    for alarm in alarms[:8]:
        shown = "; ".join(alarm["examples"][:2])
        table.add_row(
            _time(alarm["time"]),
            alarm["kind"],
            Text(alarm["state"], style="red" if alarm["state"] == "alarm" else "green"),
            plain(alarm["summary"] + (f" ({shown})" if shown else "")),
        )
    return table


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
