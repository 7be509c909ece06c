"""A server process that is killed, stopped and starved of room, and started again in its place."""

import asyncio
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil

from ..local.ports import is_taken
from ..local.process import Server, ServerProcess

_PORTS = range(15_000, 30_000)


class Victim:
    """A server on ports that stay the same over its lives.

    Args:
        server: What to run.
        folder: Where its log goes, of all its lives.

    Attributes:
        busy: Held by the fault that it is suffering from.
    """

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.busy = asyncio.Lock()
        self._folder = folder
        self._process: ServerProcess | None = None

    @property
    def pid(self) -> int:
        """Of the server itself, which leads a process group; 0 while there is none."""
        try:
            children = psutil.Process(self._process.pid).children() if self._process else []
        except psutil.NoSuchProcess:
            return 0
        return children[0].pid if children else 0

    async def start(self) -> None:
        """Start it, and return when it is ready.

        Raises:
            SetupError: It does not start.
        """
        process = ServerProcess(self.server, self._folder)
        await process.start()
        self._process = process

    async def stop(self) -> None:
        """Stop it cleanly."""
        self.signal(signal.SIGCONT)
        process, self._process = self._process, None
        if process:
            await process.stop()

    async def kill(self) -> None:
        """End it wherever it is, with everything that it started."""
        self.signal(signal.SIGKILL)
        await self.ended()

    async def ended(self) -> int:
        """Wait for its end; its exit status."""
        if self._process is None:
            return 0
        status = await self._process.wait()
        await self.stop()
        return status

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to everything that it started."""
        if pid := self.pid:
            with suppress(ProcessLookupError):
                os.killpg(pid, number)

    async def hang(self, seconds: float) -> None:
        """Let it stand still."""
        self.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.signal(signal.SIGCONT)

    @contextmanager
    def without_room(self) -> Iterator[None]:
        """As on a full disk: what it writes to files fails.

        By a limit on the size of its files, which needs no rights: EFBIG in place of ENOSPC.
        """
        self._limit_files(1)
        try:
            yield
        finally:
            self._limit_files(psutil.RLIM_INFINITY)

    def _limit_files(self, size: int) -> None:
        with suppress(psutil.NoSuchProcess, ValueError):  # gone in between
            psutil.Process(self.pid).rlimit(psutil.RLIMIT_FSIZE, (size, psutil.RLIM_INFINITY))


def told_of_full_disks(server: Server) -> Server:
    """The same server; a file that may not grow is an error that it is told, not a signal that ends it."""
    return replace(server, command=("/bin/sh", "-c", 'trap "" XFSZ; exec "$@"', server.name, *server.command))


def steady_port() -> int:
    """A free port that no outgoing connection is given while its server is down.

    Ports of the ephemeral range are: a client that tries again and again may even find itself there.
    """
    while is_taken(port := random.choice(_PORTS)):  # noqa: S311 (not a secret)
        pass
    return port
