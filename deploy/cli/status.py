"""`profilestream status`: workers, partitions, lag, throughput."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import orjson
import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ...schemas.errors import UnavailableError
from ...stream.recovery.look import Look, Observer, PartitionLook
from ...stream.recovery.scan import scanner
from .. import wiring
from ..settings import Settings
from ..terminal import plain
from ..topics import USER_EVENTS
from .console import output

BETWEEN_LOOKS = 1.2  # seconds; workers speak once a second


def command(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again and again, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Workers, their partitions and models; how far they are, and how fast they go."""
    settings: Settings = context.obj
    if watch:
        asyncio.run(_watch(settings))
        return
    look = asyncio.run(_twice(settings))
    if as_json:
        output.print_json(orjson.dumps(look.as_dict()).decode())
    else:
        output.print(screen(look))


async def _twice(settings: Settings) -> Look:
    """Throughput is what happens between two looks."""
    store = wiring.store(settings)
    try:
        async with scanner(wiring.kafka(settings)) as kafka:
            observer = Observer(kafka, store, settings.group, USER_EVENTS)
            if (await observer.look()).workers:
                await asyncio.sleep(BETWEEN_LOOKS)
            return await observer.look()
    finally:
        await store.close()


async def _watch(settings: Settings) -> None:
    store = wiring.store(settings)
    try:
        with Live(Text("looking…", style="dim"), console=output, auto_refresh=False) as live:
            while True:
                try:
                    async with scanner(wiring.kafka(settings)) as kafka:
                        observer = Observer(kafka, store, settings.group, USER_EVENTS)
                        while True:
                            live.update(screen(await observer.look()), refresh=True)
                            await asyncio.sleep(BETWEEN_LOOKS)
                except UnavailableError as error:
                    live.update(Text(str(error), style="red"), refresh=True)
                    await asyncio.sleep(BETWEEN_LOOKS)
    finally:
        await store.close()


def screen(look: Look) -> RenderableType:
    """A look, for a terminal of 100 columns."""
    speed = f", {sum(look.rates.values()):.0f} events/s" if look.rates else ""
    total = Text(f"{len(look.workers)} workers, lag {look.lag}{speed}", style="bold")
    if not look.workers:
        hint = Text("no worker has spoken lately: start one with `profilestream worker`", style="yellow")
        return Group(total, hint, _partitions(look))
    return Group(total, _workers(look), _partitions(look))


def _workers(look: Look) -> Table:
    table = Table("worker", title="workers", title_justify="left")
    for column in ("parts", "applied", "/s", "MB", "idle s"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("state")
    table.add_column("model and heads")
    table.add_column("health", no_wrap=True)
    for name, status in look.workers.items():
        rate = look.rates.get(name)
        table.add_row(
            plain(name),
            str(len(status["partitions"])),
            str(status["applied"]),
            "" if rate is None else f"{rate:.0f}",
            f"{status['memory'] / 1e6:.0f}",
            f"{status['seconds_since_progress']:.0f}",
            _state(status),
            plain(_models(status)),
            plain(status.get("health", "").removeprefix("http://")),
        )
    return table


def _state(status: Mapping[str, Any]) -> Text:
    """What a worker waits for; it is fine when there is nothing."""
    away = [
        f"{service} {breaker['state']} for {breaker['seconds']:.0f} s"
        for service, breaker in status.get("breakers", {}).items()
        if breaker["state"] != "closed"
    ]
    return Text(", ".join(away), style="red") if away else Text("fine", style="green")


def _partitions(look: Look) -> Table:
    table = Table("partition", "worker", title="partitions", title_justify="left")
    for column in ("committed", "end", "lag", "commit age", "stored to"):
        table.add_column(column, justify="right", no_wrap=True)
    for partition in look.partitions:
        table.add_row(
            partition.name,
            partition.owner or Text("nobody", style="red"),
            "-" if partition.committed is None else str(partition.committed),
            str(partition.end),
            Text(str(partition.lag), style="yellow" if partition.lag else "green"),
            "" if partition.commit_age is None else f"{partition.commit_age:.0f} s",
            _stored(partition),
        )
    return table


def _stored(partition: PartitionLook) -> Text:
    """The watermark; in red where the store is behind what was committed, and will be made up for."""
    if partition.watermark is None:
        return Text("-", style="red" if partition.rewind else "")
    return Text(str(partition.watermark), style="red" if partition.rewind else "")


def _models(status: Mapping[str, Any]) -> str:
    heads = ", ".join(f"{task} v{version}" for task, version in status["heads"].items())
    return f"{status['model']}: {heads}" if heads else str(status["model"])
