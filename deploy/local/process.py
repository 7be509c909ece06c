"""A server process of ours: started, awaited until it answers, stopped, never left behind."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import structlog

from ...schemas.errors import SetupError
from . import launcher
from .home import private_folder, unwritable
from .lastwords import last_words, log_tail
from .ports import PortTakenError, is_taken, listening

log = structlog.get_logger(__name__)

_POLL_SECONDS = 0.03
_LEAST_ROOM = 64 * 1024  # bytes
_FORCE_SECONDS = 5.0
_ATTEMPTS = 5
_IN_USE = re.compile(r"addr(ess)?\s?(already\s)?in\s?use", re.IGNORECASE)
_DISK_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Server:
    """What to run, and how to know that it works.

    Args:
        name: For messages, and the name of its log file.
        address: Where clients find it.
        command: Program and arguments.
        ready: Whether it answers now; it takes a second at most and does not raise.
        ports: Loopback ports it will listen on.
        environment: The whole environment of the process; ours where it is None.
        start_within: Seconds it may take until it is ready.
        stop_within: Seconds it may take to stop before it is killed.
    """

    name: str
    address: str
    command: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]]
    ports: tuple[int, ...] = ()
    environment: Mapping[str, str] | None = field(default=None, repr=False)  # there may be passwords in it
    start_within: float = 30.0
    stop_within: float = 10.0


@dataclass(frozen=True)
class _Run:
    """A launcher and the pipe whose end stops it (also when this object is forgotten, or our process killed)."""

    launcher: subprocess.Popen[bytes]
    lifeline: BinaryIO


class ServerProcess:
    """One run of a server under a launcher (see `launcher.py`), in a session of its own.

    It belongs to no event loop: it may be started in one and stopped in another.

    Args:
        server: What to run.
        folder: Where its log is written, as `<name>.log`.
    """

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.log_path = folder / f"{server.name}.log"
        self._run: _Run | None = None

    @property
    def pid(self) -> int:
        """Process id of the launcher: SIGTERM to it stops the server."""
        return self._started().launcher.pid

    @property
    def address(self) -> str:
        """Where clients find the server."""
        return self.server.address

    async def start(self) -> None:
        """Start the server and return when it is ready.

        Raises:
            PortTakenError: Another program has one of its ports.
            SetupError: It died, was not ready in time, or its log could not be written.
        """
        for port in self.server.ports:
            if is_taken(port):
                raise PortTakenError(self.server.name, port)
        self._run = self._launch()
        try:
            async with asyncio.timeout(self.server.start_within):
                await self._until_ready()
        except TimeoutError:
            await self.stop()
            raise self._too_slow() from None
        except BaseException:
            await self.stop()
            raise
        log.debug("server ready", server=self.server.name, address=self.address)

    async def wait(self) -> int:
        """Wait until the server has ended; its exit status (128 + signal where a signal ended it)."""
        process = self._started().launcher
        while True:
            status = process.poll()
            if status is not None:
                return status
            await asyncio.sleep(_POLL_SECONDS)

    async def stop(self) -> None:
        """Stop the server and all that it started: politely first, by force after `stop_within` or on cancellation."""
        if self._run is None:
            return
        try:
            self._run.launcher.terminate()
            async with asyncio.timeout(self.server.stop_within + _FORCE_SECONDS):
                await self.wait()
        except TimeoutError:
            log.warning("server did not stop", server=self.server.name)
        finally:
            _force(self._run)
            self._run = None

    def detach(self) -> None:
        """Let the server go on when this program ends; `stop` then does nothing."""
        self._started().lifeline.write(launcher.DETACH)
        self._started().lifeline.close()
        self._run = None

    def failure(self) -> SetupError:
        """Why a server that has ended did so, for a person."""
        tail = log_tail(self.log_path)
        name, where = self.server.name, f"Its log: {self.log_path}"
        if self.server.ports and _IN_USE.search(tail):
            return PortTakenError(name, next(filter(is_taken, self.server.ports), self.server.ports[0]))
        # On a full disk a server may die without a word, as its log has no room either.
        if _DISK_FULL.search(tail) or shutil.disk_usage(self.log_path.parent).free < _LEAST_ROOM:
            return SetupError(f"{name} stopped: no space left on the disk. Free some and start again.\n{where}")
        return SetupError(f"{name} stopped by itself: {last_words(tail)}\n{where}")

    def _launch(self) -> _Run:
        private_folder(self.log_path.parent)
        # -I -S: the user's Python set-up is nothing to the launcher, and it starts in a few hundredths of a second.
        command = [sys.executable, "-I", "-S", launcher.__file__, self.server.name]
        reader, writer = os.pipe()
        lifeline = os.fdopen(writer, "wb", buffering=0)
        try:
            self.log_path.touch(mode=0o600)
            with self.log_path.open("ab") as out:
                process = subprocess.Popen(command, stdin=reader, stdout=out, stderr=out, start_new_session=True)
        except OSError as error:
            raise unwritable(self.log_path, error) from error
        finally:
            os.close(reader)
        with contextlib.suppress(BrokenPipeError):  # it died: its log says why
            lifeline.write(self._order())
        return _Run(process, lifeline)

    def _order(self) -> bytes:
        order = {
            "command": self.server.command,
            "environment": dict(os.environ if self.server.environment is None else self.server.environment),
            "grace": self.server.stop_within,
        }
        return json.dumps(order).encode() + b"\n"

    async def _until_ready(self) -> None:
        process = self._started().launcher
        # Who answers on its port may be somebody who was quicker: then our server ends soon, and says why.
        while not (await self.server.ready() and listening(process.pid, self.server.ports)):
            if process.poll() is not None:
                raise self.failure()
            await asyncio.sleep(_POLL_SECONDS)

    def _too_slow(self) -> SetupError:
        return SetupError(
            f"{self.server.name} did not answer within {self.server.start_within:.0f} s: "
            f"{last_words(log_tail(self.log_path))}\nIts log: {self.log_path}"
        )

    def _started(self) -> _Run:
        if self._run is None:
            raise RuntimeError(f"{self.server.name} is not running")
        return self._run


def _force(run: _Run) -> None:
    run.lifeline.close()  # after SIGTERM the second request: the launcher kills the server's whole group now
    try:
        run.launcher.wait(_FORCE_SECONDS)
    except subprocess.TimeoutExpired:
        run.launcher.kill()
        run.launcher.wait()


async def start_on_free_ports(plan: Callable[[], Server], folder: Path) -> ServerProcess:
    """Start a server whose ports are chosen by `plan`; planned anew when somebody else took one of them meanwhile.

    Raises:
        SetupError: As `ServerProcess.start`.
    """
    for _ in range(_ATTEMPTS - 1):
        process = ServerProcess(plan(), folder)
        try:
            await process.start()
        except PortTakenError:
            log.info("port taken meanwhile", server=process.server.name)
        else:
            return process
    process = ServerProcess(plan(), folder)
    await process.start()
    return process
