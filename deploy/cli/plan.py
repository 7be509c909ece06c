"""`profilestream plan`: what a rate of events takes, from the figures of a `profilestream bench --json`."""

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table

from ...schemas.errors import SetupError
from ..bench.plan import Costs, Deployment, Mix, plan
from .console import output


def command(
    figures: Annotated[Path, typer.Argument(help="What `profilestream bench --json FILE` wrote.")],
    rate: Annotated[float, typer.Option(min=1, help="Events a second, at the peak.")] = 10_000,
    with_text: Annotated[float, typer.Option(min=0, max=1, help="Share of events with a text.")] = 0.3,
    new_text: Annotated[float, typer.Option(min=0, max=1, help="Share of texts that no cache knows.")] = 1.0,
    updates: Annotated[float, typer.Option(min=0, max=1, help="Updates an event; 1 for very many users.")] = 1.0,
    load: Annotated[float, typer.Option(min=0.05, max=1, help="Share of each part that may be used.")] = 0.6,
    gpu_texts: Annotated[
        float | None, typer.Option(min=1, help="Texts a second of one GPU, as measured there.")
    ] = None,
    core_price: Annotated[float | None, typer.Option(min=0, help="Price of a core for an hour.")] = None,
) -> None:
    """What a rate of events takes: workers, partitions, cores for the encoder, Redis; and where it bends first."""
    try:
        found = orjson.loads(figures.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise SetupError(f"cannot read {figures}: {error}") from error
    costs = Costs.of(found)
    mix = Mix(with_text=with_text, new_text=new_text, updates=updates)
    output.print(_table(plan(costs, rate, mix, load=load, gpu_texts=gpu_texts), rate, core_price))
    here, first = costs.one_machine(mix)
    output.print(f"the machine that was measured, with one worker: {here:,.0f} events/s, bound by {_BOUNDS[first]}")


_BOUNDS = {"machine": "its cores", "worker": "the worker's one thread", "store": "Redis' one thread"}
_PARTS = {"worker": "workers", "triton": "the encoder", "broker": "the brokers", "store": "Redis"}


def _table(needed: Deployment, rate: float, core_price: float | None) -> Table:
    table = Table("part", "how many", title=f"{rate:,.0f} events/s")
    table.add_row("workers (a core each)", f"{needed.workers:,}")
    table.add_row("partitions of user-events", f"{needed.partitions:,}")
    if needed.gpus is None:
        table.add_row("cores for Triton", f"{needed.triton_cores:,}")
    else:
        table.add_row("GPUs for Triton", f"{needed.gpus:,}")
    table.add_row("cores for brokers, a replica each", f"{needed.broker_cores:,}")
    table.add_row("Redis servers (more than one: a cluster)", f"{needed.stores:,}")
    price = "" if core_price is None else f" ({core_price * needed.core_hours:,.2f} at {core_price:g})"
    table.add_row("core-hours for a million events", f"{needed.core_hours:.3f}{price}")
    table.add_row("least room is left to", _PARTS[needed.first])
    return table
