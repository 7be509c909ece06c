"""Our own processes in the local stack: a worker and a learner, run and watched like the servers."""

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


def _child(name: str, settings: Settings, ready: Callable[[], Awaitable[bool]], patience: float) -> Server:
    command = {"worker": "worker", "learner": "learn"}[name]
    return Server(
        name=name,
        address=f"{command} process",
        command=(sys.executable, "-m", "profilestream.deploy.cli", command),
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
