"""`profilestream learn`: heads from feedback, while the stream runs."""

import asyncio
from typing import Annotated

import typer

from .. import wiring
from ..settings import Settings
from . import returns
from .console import output
from .running import run_until_signal, unless_stopped

app = typer.Typer(invoke_without_command=True)


@app.callback()
def command(context: typer.Context) -> None:
    """Learn heads from the feedback topic, from where it was left, and publish them to the workers."""
    if context.invoked_subcommand:
        return
    # Not at the top: workers are started by the same program, and need neither scipy nor river nor their memory.
    from ..learning import learn  # noqa: PLC0415

    settings: Settings = context.obj

    async def job(stop: asyncio.Event) -> None:
        await unless_stopped(stop, learn(settings))

    run_until_signal(job, settings.shutdown_seconds)


@app.command()
def forget(context: typer.Context, user: Annotated[str, typer.Argument(help="Whose labels to forget.")]) -> None:
    """Take out exactly what a user's labelled texts taught; a learner that runs publishes heads without it."""
    from ...continual.heads.ledger import LEDGER, Ledger  # noqa: PLC0415  see above

    settings: Settings = context.obj
    ledger = Ledger(wiring.learner_home(settings) / LEDGER)
    try:
        gone = len(ledger.forget(user))
    finally:
        ledger.close()
    output.print(
        f"{gone} labelled texts forgotten; heads without them follow within seconds of the learner's next look"
    )


app.command(name="returns")(returns.command)
