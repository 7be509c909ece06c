"""`profilestream soak`: ten thousand faults in virtual time, and what they cost."""

import random
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ...stream.simulation.history import Outcome
from ...stream.simulation.run import FAULTS, Report, soak
from .console import errors, output
from .figures import write_figures


def command(
    faults: Annotated[int, typer.Option(min=1, help="Inject at least so many faults.")] = FAULTS,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Play the histories of this seed again; without it, a new one is drawn.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file.")] = None,
) -> None:
    """Crash, stop and cut off a simulated deployment until it loses or doubles an event, or is shown not to.

    The engine is the real one; Kafka, Redis, Triton and time are simulated, so it needs no servers and a minute or two.
    The exit status is 1 if anything that is promised did not hold.
    """
    first = random.randrange(2**31) if seed is None else seed  # noqa: S311 (not a secret)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors) as progress:
        task = progress.add_task(f"faults (seed {first})", total=faults)
        report = soak(first, faults, progress=lambda now: progress.update(task, completed=now.faults.total()))
    output.print(_table(report))
    output.print(_order(report))
    if report.failure:
        _tell(report.failure)
    output.print(_verdict(report))
    if json:
        write_figures(json, report.as_dict())
    if not report.sound:
        raise typer.Exit(1)


def _table(report: Report) -> Table:
    table = Table("fault", "times", title=f"{report.faults.total():,} faults in {report.histories} histories")
    table.columns[1].justify = "right"
    for fault, count in sorted(report.faults.items()):
        table.add_row(fault.value, f"{count:,}")
    return table


def _tell(failure: Outcome) -> None:
    """The shortest history that fails."""
    output.print(f"[bold red]The shortest history found, of {failure.plan.events} events:[/]")
    for line in failure.story:
        output.print(f"  {line}", highlight=False)
    for problem in failure.problems:
        output.print(f"  [bold]{problem}[/]", highlight=False)
    output.print(f"Again: profilestream soak --seed {failure.plan.seed} --faults 1", highlight=False)


def _verdict(report: Report) -> str:
    verdict = "[bold green]sound[/]" if report.sound else "[bold red]NOT SOUND[/]"
    return (
        f"{verdict}: {report.events:,} events, lost {report.lost}, doubled {report.doubled}; "
        f"seed {report.seed}, {report.seconds:.0f} s"
    )


def _order(report: Report) -> Table:
    """What a reader of profile-updates sees of zombies and of a store that lost writes."""
    table = Table("zombies are", "revisions back", "old at the end")
    for where in sorted(report.backward):
        table.add_row(where, f"{report.backward[where]:,}", f"{report.stale_at_end[where]:,}")
    return table
