"""Our own processes in the local stack: a worker and a learner, run and watched like the servers."""

import shutil
import sys
from collections.abc import Awaitable, Callable

from ...schemas.errors import UnavailableError
from ...stream.worker.status import Role, read_statuses
from .. import wiring
from ..settings import Settings
from .process import Server

_START_SECONDS = 90.0


def worker(settings: Settings) -> Server:
    """A worker; ready when it has partitions."""
    return _child("worker", settings, lambda: _said(settings, "worker", "partitions"), settings.shutdown_seconds)


def learner(settings: Settings) -> Server:
    """The learner of heads; ready when it reads feedback."""
    return _child("learner", settings, lambda: _said(settings, "learner", "reading"), settings.shutdown_seconds)


def updater(settings: Settings, *options: str) -> Server:
    """One update of the encoder, behind everything else that wants the processor; it ends by itself."""

    async def at_once() -> bool:
        return True

    return _child("updater", settings, at_once, settings.shutdown_seconds, options)


def _child(
    name: str,
    settings: Settings,
    ready: Callable[[], Awaitable[bool]],
    patience: float,
    options: tuple[str, ...] = (),
) -> Server:
    command = {"worker": ("worker",), "learner": ("learn",), "updater": ("learn", "run")}[name]
    nice = ("nice", "-n", "10") if name == "updater" and shutil.which("nice") else ()
    return Server(
        name=name,
        address=f"{command[0]} process",
        command=(*nice, sys.executable, "-m", "profilestream.deploy.cli", *command, *options),
        ready=ready,
        environment=wiring.environment(settings),
        start_within=_START_SECONDS,
        stop_within=2 * patience,
    )


async def _said(settings: Settings, role: Role, what: str) -> bool:
    """Whether a process of this role says something non-empty of `what`."""
    store = wiring.store(settings)
    try:
        return any(status.get(what) for status in (await read_statuses(store.client, role)).values())
    except UnavailableError:
        return False
    finally:
        await store.close()
