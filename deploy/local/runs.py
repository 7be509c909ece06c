"""Runs of the local stack: a folder for each with its logs, and a note that says where its servers are."""

import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from pydantic import BaseModel, ValidationError

from .home import private_folder, unwritable

_NOTE = "stack.json"
_KEPT = 10  # runs whose logs stay
_CLOCK_SECONDS = 2.0  # how far a process's start time may seem to move
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where the servers of a local stack are.

    Args:
        kafka: Bootstrap servers, `host:port`.
        redis: A Redis URL.
        triton: Triton's gRPC address, `host:port`; None where embeddings are computed in-process.
    """

    kafka: str
    redis: str
    triton: str | None = None


class _Keeper(BaseModel):
    """The process that keeps a server; with its start, in Unix seconds, because process ids come again."""

    pid: int
    started: float

    def process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < _CLOCK_SECONDS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


class _Note(BaseModel):
    addresses: Addresses
    servers: dict[str, _Keeper]

    def alive(self) -> list[psutil.Process]:
        return [process for keeper in self.servers.values() if (process := keeper.process())]


def new_run(home: Path) -> Path:
    """A new folder for one run of the stack; the logs of the oldest runs are removed.

    Raises:
        SetupError: It cannot be made.
    """
    runs = private_folder(home / "runs")
    over = [run for run in sorted(runs.iterdir()) if not ((note := _read(run)) and note.alive())]
    for run in over[: -_KEPT + 1]:
        shutil.rmtree(run, ignore_errors=True)
    # To the microsecond, so that names are in the order of time.
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S.%f")
    return private_folder(runs / f"{stamp}-{os.getpid()}")


def announce(run: Path, addresses: Addresses, pids: Mapping[str, int]) -> None:
    """Write the note by which other commands find this run; readable for this user only.

    Args:
        run: The run's folder.
        addresses: Where its servers are.
        pids: The process that keeps each server, by its name; SIGTERM to it stops the server.

    Raises:
        SetupError: It cannot be written.
    """
    keepers = {name: _Keeper(pid=pid, started=psutil.Process(pid).create_time()) for name, pid in pids.items()}
    note, aside = run / _NOTE, run / f"{_NOTE}.new"
    try:
        aside.touch(mode=0o600)
        aside.write_text(_Note(addresses=addresses, servers=keepers).model_dump_json(indent=1))
        aside.replace(note)
    except OSError as error:
        raise unwritable(note, error) from error


def withdraw(run: Path) -> None:
    """Remove the note: the stack is about to stop."""
    (run / _NOTE).unlink(missing_ok=True)


def find_running(home: Path) -> Addresses | None:
    """The addresses of the newest local stack whose servers all live; None where there is none."""
    for note in _notes(home).values():
        if len(note.alive()) == len(note.servers):
            return note.addresses
    return None


def stop_running(home: Path) -> int:
    """Stop the servers of every local stack that runs under this home; how many servers that were.

    What was started last goes first, as workers need the servers to leave in order.
    """
    notes = _notes(home)
    for run in notes:
        withdraw(run)
    stopped = 0
    deadline = time.monotonic() + _STOP_SECONDS
    for note in notes.values():
        for keeper in reversed(note.servers.values()):
            if process := keeper.process():
                stopped += 1
                with suppress(psutil.NoSuchProcess):
                    process.terminate()
            # Not psutil's own wait: a process that is dead but not yet collected by its parent counts as gone here.
            while keeper.process() and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
    return stopped


def _notes(home: Path) -> dict[Path, _Note]:
    """The notes of all runs, the newest first."""
    runs = sorted((home / "runs").glob("*"), reverse=True)
    return {run: note for run in runs if (note := _read(run))}


def _read(run: Path) -> _Note | None:
    try:
        return _Note.model_validate_json((run / _NOTE).read_bytes())
    except (OSError, ValidationError):
        return None
