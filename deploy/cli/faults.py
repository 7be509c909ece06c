"""`profilestream faults`: the promise on real servers, under kill -9, on full disks, with a Redis that forgot."""

import asyncio
import logging
import random
import shutil
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from ...schemas.errors import ConfigurationError
from ..faults.kinds import Kind
from ..faults.run import FAULTS, Options, Report, run_faults
from ..local import kafka
from ..prepare import prepare
from ..settings import Settings
from .console import errors, output, say
from .figures import write_figures

Broker = Literal["auto", "kafka", "tansu"]


def command(
    context: typer.Context,
    faults: Annotated[int, typer.Option(min=1, help="Inject so many faults.")] = FAULTS,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The plan of this seed again; without it, a new one is drawn.")
    ] = None,
    broker: Annotated[
        Broker, typer.Option(help="Apache Kafka, the embedded tansu, or Kafka where PROFILESTREAM_KAFKA_HOME is set.")
    ] = "auto",
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only faults whose name has this in it, e.g. Redis; may be repeated.")
    ] = None,
    mutant: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Kill, stop and starve real servers and workers under load, and compare every profile with what was sent.

    Takes about ten minutes for a hundred faults. The exit status is 1 if anything that is promised did not hold.
    """
    settings: Settings = context.obj
    first = random.randrange(2**31) if seed is None else seed  # noqa: S311 (not a secret)
    options = Options(
        seed=first, faults=faults, kafka_home=_kafka_home(settings, broker), kinds=_kinds(only), mutant=mutant
    )
    say(f"seed {first}")
    prepare(settings, say)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it has much to say of a broker that is killed
    report = _watched(settings, options)
    output.print(_table(report))
    if not report.sound:
        _tell(report)
    output.print(_verdict(report))
    if json:
        write_figures(json, report.as_dict())
    if not report.sound:
        raise typer.Exit(1)
    shutil.rmtree(report.logs, ignore_errors=True)


def _kafka_home(settings: Settings, broker: Broker) -> Path | None:
    if broker == "tansu" or (broker == "auto" and settings.kafka_home is None):
        return None
    if settings.kafka_home is None:
        raise ConfigurationError("--broker kafka: set PROFILESTREAM_KAFKA_HOME to an unpacked Apache Kafka 4")
    if reason := kafka.supported(settings.kafka_home):
        raise ConfigurationError(reason)
    return settings.kafka_home


def _kinds(only: list[str] | None) -> list[Kind] | None:
    if not only:
        return None
    found = [kind for kind in Kind if any(part.lower() in kind.lower() for part in only)]
    if not found:
        raise ConfigurationError(f"--only {only[0]}: no fault has that in its name; there are {', '.join(Kind)}")
    return found


def _watched(settings: Settings, options: Options) -> Report:
    """Run it behind a bar that says what is being done to whom."""
    now = TextColumn("[dim]{task.fields[now]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1))
    columns = (TextColumn("faults"), BarColumn(bar_width=16), MofNCompleteColumn(), TimeElapsedColumn(), now)
    with Progress(*columns, console=errors, expand=True) as progress:
        task = progress.add_task("", total=options.faults, now="")

        def show(report: Report, now: str) -> None:
            progress.update(task, completed=report.faults.total(), now=now)

        return asyncio.run(run_faults(settings, options, show, say))


def _table(report: Report) -> Table:
    table = Table("fault", "times", title=f"{report.faults.total()} faults on {report.broker}, {report.rounds} looks")
    table.columns[1].justify = "right"
    for kind, count in sorted(report.faults.items()):
        table.add_row(kind.value, str(count))
    return table


def _tell(report: Report) -> None:
    """What happened since everything was as it must be, and where to read more."""
    output.print(f"[bold red]What happened in round {report.rounds}, before which all was well:[/]")
    for line in report.story:
        output.print(f"  {line}", highlight=False)
    for problem in report.problems:
        output.print(f"  [bold]{problem}[/]", highlight=False)
    output.print(f"Logs and data: {report.logs}", highlight=False, soft_wrap=True)
    again = f"profilestream faults --seed {report.seed} --faults {report.faults.total()}"
    output.print(f"The same faults again: {again} (what they meet differs from run to run)", highlight=False)


def _verdict(report: Report) -> str:
    verdict = "[bold green]sound[/]" if report.sound else "[bold red]NOT SOUND[/]"
    order = (
        f"{report.regressions} went back" if report.fenced else f"{report.backward} went back (no transactions here)"
    )
    return (
        f"{verdict}: {report.events:,} events, lost {report.last.lost}, doubled {report.last.doubled}; "
        f"{report.updates:,} updates, {order}; {report.restarts} workers started again; seed {report.seed}, "
        f"{report.seconds:.0f} s"
    )
