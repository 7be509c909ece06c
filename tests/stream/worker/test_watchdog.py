"""A watchdog: what is a hang, and what is not; and what becomes of a worker that hangs."""

import asyncio
import subprocess
import sys

import pytest
from structlog.testing import capture_logs

from profilestream.schemas.errors import StuckError
from profilestream.stream.worker.watchdog import EXIT_STATUS, Watchdog
from tests.stream.worker.process import ROOT


class Worker:
    """What a watchdog looks at."""

    busy = True
    signs = 0


@pytest.fixture
def worker() -> Worker:
    """With work, and without progress."""
    return Worker()


@pytest.fixture
def dog(worker: Worker) -> Watchdog:
    """That loses its patience in the 21st tick without progress."""
    return Watchdog(10.0, lambda: worker.busy, lambda: worker.signs)


def ticks(dog: Watchdog, count: int) -> None:
    """Let time pass for it."""
    for _ in range(count):
        dog.tick()


def test_work_without_progress_is_a_hang(dog: Watchdog) -> None:
    """After its patience is over, not before."""
    ticks(dog, 21)
    assert (dog.quiet_seconds, dog.stuck) == (10.0, False)
    ticks(dog, 1)
    assert dog.stuck


def test_any_progress_begins_the_time_again(dog: Watchdog, worker: Worker) -> None:
    """A slow worker is no stuck worker."""
    for _ in range(5):
        ticks(dog, 20)
        worker.signs += 1
    assert not dog.stuck


def test_without_work_there_is_no_hang(dog: Watchdog, worker: Worker) -> None:
    """A quiet night is not the worker's fault, and does not count when the morning comes."""
    worker.busy = False
    ticks(dog, 100)
    worker.busy = True
    ticks(dog, 20)
    assert not dog.stuck


async def test_a_hang_is_said_with_the_place(worker: Worker) -> None:
    """The log says which task waits where, and the error what happens next."""

    async def embed() -> None:
        await asyncio.Event().wait()

    dog = Watchdog(0.1, lambda: worker.busy, lambda: worker.signs)
    task = asyncio.create_task(embed(), name="analyse")
    with capture_logs() as logs, pytest.raises(StuckError, match="read again"):
        await dog.run()
    task.cancel()
    (said,) = [entry for entry in logs if entry["log_level"] == "error"]
    assert said["tasks"]["analyse"].startswith("wait (locks.py:")
    stack = next(entry["stack"] for entry in logs if entry["event"] == "task" and entry["name"] == "analyse")
    assert "in embed" in stack


BLOCKED = """
import asyncio, time
from profilestream.stream.worker.watchdog import Watchdog

async def main():
    dog = asyncio.create_task(Watchdog(0.2, lambda: False, lambda: 0).run())
    await asyncio.sleep(0.05)
    time.sleep(600)

asyncio.run(main())
"""


def test_a_loop_that_does_not_turn_ends_the_process() -> None:
    """A call that blocks the event loop cannot be cancelled: the process ends, and says where it was."""
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED],
        env={"PYTHONPATH": str(ROOT / ".pkg")},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == EXIT_STATUS
    assert b"the event loop hangs" in done.stdout + done.stderr
    assert b"in main" in done.stderr
