"""`profilestream learn bench`: strategies of continual learning, measured beside each other."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import typer

from ...schemas.errors import ConfigurationError
from ..learning_report import show_report
from ..prepare import encoder_source
from ..settings import Settings
from .console import errors, output, say
from .figures import write_figures
from .progress import changing_bar


def command(
    context: typer.Context,
    strategies: Annotated[
        str, typer.Option(help="Names with commas between, or all.")
    ] = "naive,joint,frozen_lda,frozen_ridge,er,er_ace,derpp,ewc,lwf,ours",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each, with other texts and in another order.")] = 3,
    per_class: Annotated[int, typer.Option(min=1, help="Most texts a label to learn from.")] = 100,
    buffer: Annotated[int, typer.Option(min=1, help="Most texts that are kept for replay.")] = 1000,
    data: Annotated[
        Path | None, typer.Option(help="Another benchmark: JSON with tasks, train, val and test; without it, CLINC150.")
    ] = None,
    tuning: Annotated[
        Literal["head", "top", "lora", "all"], typer.Option(help="What of the encoder is tuned.")
    ] = "top",
    precision: Annotated[
        Literal["float32", "bfloat16"], typer.Option(help="Of training; bfloat16 is for GPUs and some CPUs.")
    ] = "float32",
    device: Annotated[str, typer.Option(help="Where to train, e.g. cuda.")] = "cpu",
    budget: Annotated[float | None, typer.Option(min=0, help="Seconds, after which nothing more is begun.")] = None,
    directory: Annotated[
        Path, typer.Option("--output", help="For the picture, figures and finished runs, which are not run again.")
    ] = Path("bench-results/learn"),
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file too.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Show the accuracy matrix on the page, too.")] = False,
) -> None:
    """Tasks in turn: what each strategy forgets, beside training on everything at once. Finished runs are kept."""
    # Imported here: torch takes seconds, and no other command of this program may have it loaded.
    from ...continual.bench.cells import Setting  # noqa: PLC0415
    from ...continual.bench.data import find_clinc150, read_benchmark  # noqa: PLC0415
    from ...continual.bench.plot import draw  # noqa: PLC0415
    from ...continual.bench.run import run_bench  # noqa: PLC0415
    from ...continual.strategies.registry import STRATEGIES  # noqa: PLC0415
    from ...continual.strategies.strategy import StrategyOptions  # noqa: PLC0415
    from ...continual.training.options import TrainingOptions  # noqa: PLC0415
    from ...inference.encoder import load_encoder  # noqa: PLC0415

    settings: Settings = context.obj
    names = list(STRATEGIES) if strategies == "all" else [name.strip() for name in strategies.split(",")]
    if unknown := [name for name in names if name not in STRATEGIES]:
        raise ConfigurationError(f"there is no strategy {unknown[0]!r}; there are {', '.join(STRATEGIES)}")
    training = TrainingOptions(tuning=tuning, precision=precision, device=device)
    options = StrategyOptions(buffer=buffer, training=training)
    setting = Setting(benchmark=read_benchmark(data or find_clinc150()), per_class=per_class, options=options)
    encoder = load_encoder(encoder_source(settings, say))
    with changing_bar(errors) as report:
        results = run_bench(
            encoder, setting, strategies=names, seeds=seeds, folder=directory, budget=budget, report=report
        )
    for path in [directory / "results.json", *([json] if json else [])]:
        write_figures(path, results.as_dict())
    if results.rows:
        output.print(results.table())
        draw(results, directory / "results.png")
        say(f"picture, figures and finished runs: {directory}")
        if show and asyncio.run(show_report(settings, results.as_dict())):
            say("the page shows the accuracy matrix now")
    if results.left_out:
        left = ", ".join(f"{name} (seed {seed})" for name, seed in results.left_out)
        say(f"left out, for want of time: {left}. The same command goes on from here.")
