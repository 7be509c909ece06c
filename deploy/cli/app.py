"""All commands, put together."""

from pathlib import Path
from typing import Annotated

import typer

from .. import wiring
from ..local.runs import find_running
from ..logs import configure_logs
from ..settings import Settings
from . import (
    bench,
    dead_letters,
    demo,
    doctor,
    drift,
    faults,
    learn,
    learn_bench,
    learn_update,
    migrate,
    models,
    plan,
    prepare,
    produce,
    profile,
    restore,
    serve,
    soak,
    status,
    tail,
    token,
    up,
    verify,
    worker,
)
from .console import say

_SERVICES = ("worker", "learn", "serve")
_OWN_STACK = ("demo", "bench", "soak", "faults", "up", "down", "token", "plan")
_ADDRESSES = {"kafka_bootstrap", "redis_url", "triton_url"}

app = typer.Typer(
    name="profilestream",
    help="A live profile of every user, from a stream of events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def settings(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="Settings in TOML; without it profilestream.toml, where there is one.")
    ] = None,
) -> None:
    """Read the settings that every command uses."""
    command = context.invoked_subcommand
    loaded = Settings.load(config)
    configure_logs(loaded, quiet=command not in _SERVICES)
    context.obj = loaded if command in _OWN_STACK else _beside_a_local_stack(loaded)


def _beside_a_local_stack(loaded: Settings) -> Settings:
    """The settings with the addresses of the local stack that runs here, unless any address was given."""
    if loaded.model_fields_set & _ADDRESSES:
        return loaded
    addresses = find_running(loaded.home)
    if addresses is None:
        return loaded
    say(f"using the local stack: Kafka at {addresses.kafka}, Redis at {addresses.redis}")
    return wiring.at(loaded, addresses)


for module in (
    demo,
    up,
    worker,
    prepare,
    produce,
    tail,
    status,
    doctor,
    verify,
    restore,
    bench,
    plan,
    soak,
    faults,
    serve,
    token,
):
    app.command(name=module.__name__.rpartition(".")[2])(module.command)
app.command(name="down")(up.down)
learn.app.command("run")(learn_update.run)
learn.app.command("watch")(learn_update.watch)
models.app.command("migrate")(migrate.command)
learn.app.command(name="bench")(learn_bench.command)
app.add_typer(learn.app, name="learn")
app.add_typer(profile.app, name="profile")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(drift.app, name="drift")
app.add_typer(models.app, name="models")
