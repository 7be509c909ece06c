"""`profilestream bench`: how close the pipeline comes to the encoder alone."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ..bench.run import BenchOptions, run_bench
from ..prepare import prepare
from ..settings import Settings
from .console import errors, output, say
from .figures import write_figures


def command(
    context: typer.Context,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds that count, after one to warm up.")] = 5,
    texts: Annotated[int, typer.Option(min=100, help="Distinct texts a round and side.")] = 4000,
    words: Annotated[int, typer.Option(min=2, help="Words in a text.")] = 12,
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file.")] = None,
) -> None:
    """Distinct texts through the whole pipeline, beside the same model in-process on the same cores."""
    settings: Settings = context.obj
    prepared = prepare(settings, say)
    options = BenchOptions(rounds=rounds, texts=texts, words=words)
    result = asyncio.run(run_bench(settings, options, prepared, errors))
    output.print(result.table())
    output.print(result.api.table())
    if json:
        write_figures(json, result.as_dict())
