"""The API in the local stack: reading is open to programs on this machine, as its broker and its store are."""

import sys

from .. import wiring
from ..settings import Settings
from .ports import LOOPBACK, free_port, is_taken
from .probe import http_answers
from .process import Server

_START_SECONDS = 90.0


def api(settings: Settings) -> Server:
    """The API, on the port of the settings where it is free; ready when profiles can be read."""
    port = settings.api_port if settings.api_port and not is_taken(settings.api_port) else free_port()
    here = settings.model_copy(update={"api_host": LOOPBACK, "api_port": port, "api_open_on_loopback": True})
    return Server(
        name="api",
        address=f"http://{LOOPBACK}:{port}/",
        command=(sys.executable, "-m", "profilestream.deploy.cli", "serve"),
        ready=lambda: http_answers(port, "/ready"),
        ports=(port,),
        environment=wiring.environment(here),
        start_within=_START_SECONDS,
        stop_within=2 * settings.shutdown_seconds,
    )
