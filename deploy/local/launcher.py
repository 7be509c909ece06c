"""Runs one server and never lets it outlive the program that asked for it.

A script of its own, started by `process.py` as `python -I -S launcher.py NAME`, with only the standard library. It
reads what to run (one line of JSON) from standard input, which stays open as a lifeline: when that ends, for whatever
reason, `kill -9` of the parent included, the server and every process it started are stopped. A pipe does this on
every POSIX system and needs nobody to be alive to clean up.

The server leads a process group of its own. SIGTERM or the lifeline's end stops it; both together stop it at once.
"""

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable

DETACH = b"detach\n"
"""Written into the lifeline to let the server go on after the parent's end."""

_CHECK_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


class Launcher:
    """One server's keeper.

    Args:
        grace: Seconds between asking the server to stop and killing its whole group.
    """

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._parent = os.getppid()
        self._lifeline: int | None = sys.stdin.fileno()
        self._requests = 0  # how often we were told to stop
        self._wake, writer = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake us
        signal.signal(signal.SIGTERM, self._told_to_stop)

    def run(self, command: list[str], environment: dict[str, str]) -> int:
        """Start the server and keep it until it ends; its exit status in the shell's form (128 + signal)."""
        try:
            server = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                process_group=0,
                preexec_fn=_dies_with_its_parent(),  # noqa: PLW1509  safe: this process has one thread
            )
        except OSError as error:
            sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
            return 127
        self._keep(server)
        _kill(server.pid, signal.SIGKILL)  # what the server started and did not wait for
        return server.returncode if server.returncode >= 0 else 128 - server.returncode

    def _keep(self, server: "subprocess.Popen[bytes]") -> None:
        deadline = None
        while server.poll() is None:
            self._wait(
                _CHECK_SECONDS if deadline is None else min(_CHECK_SECONDS, max(0.0, deadline - time.monotonic()))
            )
            if self._requests and deadline is None:
                deadline = time.monotonic() + self._grace
                _kill(server.pid, signal.SIGTERM)
            if deadline is not None and (self._requests > 1 or time.monotonic() >= deadline):
                _kill(server.pid, signal.SIGKILL)

    def _wait(self, seconds: float) -> None:
        watched = [self._wake] if self._lifeline is None else [self._wake, self._lifeline]
        readable, _, _ = select.select(watched, [], [], seconds)
        if self._wake in readable:
            os.read(self._wake, 512)
        if self._lifeline is None:
            return
        # The second test is for a parent that was killed while a forked child of its still holds the pipe.
        said = os.read(self._lifeline, 512) if self._lifeline in readable else None
        if said or said == b"" or os.getppid() != self._parent:
            self._lifeline = None
            self._requests += said != DETACH

    def _told_to_stop(self, *_: object) -> None:
        self._requests += 1


def _dies_with_its_parent() -> Callable[[], object] | None:
    """On Linux the kernel ends the server when this launcher itself is killed by force; elsewhere nothing can."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _kill(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # all gone (macOS says it the second way when only zombies are left)
        return


def main() -> int:
    """Read what to run from standard input and run it."""
    order = json.loads(_first_line(sys.stdin.fileno()))
    return Launcher(order["grace"]).run(order["command"], order["environment"])


def _first_line(descriptor: int) -> bytes:
    """Read byte by byte up to the newline: what follows belongs to the lifeline."""
    line = bytearray()
    while (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
        line += byte
    return bytes(line)


if __name__ == "__main__":
    sys.exit(main())
