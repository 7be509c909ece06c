"""All commands, put together."""

from pathlib import Path
from typing import Annotated

import typer

from ..logs import configure_logs
from ..settings import Settings
from . import bench, demo, doctor, learn, prepare, produce, profile, tail, up, worker

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
    context.obj = Settings.load(config)
    configure_logs(context.obj)


for command in (demo, up, worker, learn, prepare, produce, tail, doctor, bench):
    app.command(name=command.__name__.rpartition(".")[2])(command.command)
app.command(name="down")(up.down)
app.add_typer(profile.app, name="profile")
