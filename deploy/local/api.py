"""The API in the local stack: reading is open to programs on this machine, as its broker and its store are."""

import asyncio
import sys

from .. import wiring
from ..settings import Settings
from .ports import LOOPBACK, free_port, is_taken
from .process import Server

_START_SECONDS = 90.0
_READY_SECONDS = 1.0


def api(settings: Settings) -> Server:
    """The API, on the port of the settings where it is free; ready when profiles can be read."""
    port = settings.api_port if settings.api_port and not is_taken(settings.api_port) else free_port()
    here = settings.model_copy(update={"api_host": LOOPBACK, "api_port": port, "api_open_on_loopback": True})
    return Server(
        name="api",
        address=f"http://{LOOPBACK}:{port}/",
        command=(sys.executable, "-m", "profilestream.deploy.cli", "serve"),
        ready=lambda: ready(port, "/ready"),
        ports=(port,),
        environment=wiring.environment(here),
        start_within=_START_SECONDS,
        stop_within=2 * settings.shutdown_seconds,
    )


async def ready(port: int, path: str) -> bool:
    """Whether a server on loopback answers 200 to a GET; takes a second at most."""
    try:
        async with asyncio.timeout(_READY_SECONDS):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n".encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status.split()[1:2] == [b"200"]
