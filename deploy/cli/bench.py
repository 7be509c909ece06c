"""`profilestream bench`: how close the pipeline comes to the encoder alone, and what others make of the same work."""

import asyncio
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ...schemas.errors import SetupError
from ..bench.guard import recorded, run_guard
from ..bench.run import SECTIONS, BenchOptions, run_bench
from ..bench.scale import Amount
from ..bench.table import tables
from ..bench.throughput import Sizes
from ..prepare import prepare
from ..settings import Settings
from .console import errors, output, say
from .figures import write_figures


def command(
    context: typer.Context,
    only: Annotated[str, typer.Option(help="Sections to measure, with commas between.")] = ",".join(SECTIONS),
    rounds: Annotated[int, typer.Option(min=1, help="Rounds that count, after one to warm up.")] = 3,
    texts: Annotated[int, typer.Option(min=100, help="Distinct texts a round and side.")] = 4000,
    words: Annotated[int, typer.Option(min=2, help="Words in a text.")] = 12,
    peers: Annotated[str, typer.Option(help="Peers to measure, with commas between; all of them without it.")] = "",
    users: Annotated[str, typer.Option(help="Numbers of users, with commas between.")] = "1000,10000,100000,1000000",
    memory_events: Annotated[int, typer.Option(min=1000, help="Events over which memory is watched.")] = 1_000_000,
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file.")] = None,
    guard: Annotated[
        bool, typer.Option("--guard", help="Only compare with what was recorded: exit status 1 if slower.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw them into this PNG file.")] = None,
) -> None:
    """Distinct texts through the whole pipeline, beside the same model in-process on the same cores."""
    settings: Settings = context.obj
    if guard:
        _guard(settings, json)
        return
    options = BenchOptions(
        only=_names(only),
        rounds=rounds,
        sizes=Sizes(texts=texts, words=words),
        amount=Amount(words=words),
        memory_events=memory_events,
        users=tuple(map(int, _names(users))),
    )
    if peers:
        options = replace(options, peers=_names(peers))
    prepared = prepare(settings, say)
    keep = partial(write_figures, json) if json else lambda _: None
    found = asyncio.run(run_bench(settings, options, prepared, errors, keep))
    for table in tables(found):
        output.print(table)
    if plot:
        from ..bench.plot import draw  # noqa: PLC0415 (matplotlib takes a second to import)

        draw(found, plot)


def _names(said: str) -> list[str]:
    return [name.strip() for name in said.split(",") if name.strip()]


def _guard(settings: Settings, json: Path | None) -> None:
    """Two minutes that say whether something got slower."""
    found, before = asyncio.run(run_guard(settings, prepare(settings, say), errors)), recorded()
    output.print(found.table(before))
    if json:
        write_figures(json, asdict(found))
    if fallen := found.fallen(before):
        raise SetupError(
            f"slower than it was: {', '.join(fallen)}; if that is meant, change deploy/bench/recorded.json"
        )
