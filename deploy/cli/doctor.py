"""`profilestream doctor`: is everything there, and if not, what to do."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import typer
from rich.table import Table

from .. import checks
from ..settings import Settings
from ..terminal import plain
from .console import output


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `problem` says what is wrong and what to do."""

    name: str
    found: str = ""
    problem: str = ""


def command(context: typer.Context) -> None:
    """Check versions, servers, topics and models. The exit status is 1 if something is missing."""
    findings = asyncio.run(_examine(context.obj))
    table = Table("", "check", "found", show_edge=False)
    for finding in findings:
        mark = "[red]✗[/]" if finding.problem else "[green]✓[/]"
        table.add_row(mark, finding.name, plain(finding.problem or finding.found))
    output.print(table)
    if any(finding.problem for finding in findings):
        raise typer.Exit(1)


async def _examine(settings: Settings) -> list[Finding]:
    return [await _finding(name, check, settings) for name, check in checks.CHECKS.items()]


async def _finding(name: str, check: Callable[[Settings], Awaitable[str]], settings: Settings) -> Finding:
    try:
        return Finding(name, found=await check(settings))
    except checks.FAILURES as error:
        return Finding(name, problem=str(error))
