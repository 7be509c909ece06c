"""Servers as processes: they start, they fail with a reason, and none is ever left behind."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from profilestream.deploy.local import valkey
from profilestream.deploy.local.lastwords import log_tail
from profilestream.deploy.local.ports import PortTakenError, free_port
from profilestream.deploy.local.process import Server, ServerProcess, start_on_free_ports
from profilestream.schemas.errors import SetupError

# A server that will not stop, with a child of its own that will not either.
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child:
    print("pids", os.getpid(), child, flush=True)
while True:
    time.sleep(60)
"""

# A program that starts a real server and then waits to be killed.
OWNER = """
import asyncio, sys
from pathlib import Path
from profilestream.deploy.local.process import ServerProcess
from profilestream.deploy.local.valkey import valkey

async def main():
    folder = Path(sys.argv[1])
    process = ServerProcess(valkey(folder), folder)
    await process.start()
    print("keeper", process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def script(source: str, log: Path, *, says: str = "", **bounds: float) -> Server:
    """A server made of a Python script; it is ready when its log has a line that starts with `says`."""

    async def ready() -> bool:
        return bool(says) and any(line.startswith(says) for line in log_tail(log).splitlines())

    return Server(name="script", address="", command=(sys.executable, "-c", source), ready=ready, **bounds)


def stubborn(folder: Path, **bounds: float) -> ServerProcess:
    """Two processes that only force ends."""
    return ServerProcess(script(STUBBORN, folder / "script.log", says="pids", **bounds), folder)


def family(process: ServerProcess) -> list[psutil.Process]:
    """The launcher, the server and all that they started."""
    keeper = psutil.Process(process.pid)
    return [keeper, *keeper.children(recursive=True)]


def assert_gone(processes: list[psutil.Process]) -> None:
    """All of them end, awaited."""
    _, alive = psutil.wait_procs(processes, timeout=20)
    assert not alive


async def test_stubborn_server_is_killed_with_its_children(tmp_path: Path) -> None:
    """A server that ignores SIGTERM, and the process it started, are gone after stop."""
    process = stubborn(tmp_path, stop_within=0.1)
    await process.start()
    processes = family(process)
    assert len(processes) == 3
    await process.stop()
    assert_gone(processes)


async def test_cancelled_stop_kills_at_once(tmp_path: Path) -> None:
    """Who cannot wait for a polite end (a second Ctrl-C) gets one by force, and no process stays."""
    process = stubborn(tmp_path, stop_within=1000)
    await process.start()
    processes = family(process)
    stop = asyncio.create_task(process.stop())
    await asyncio.sleep(0)  # it runs up to its first wait
    stop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stop
    assert_gone(processes)


async def test_cancelled_start_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C while a server is starting stops it."""
    started = asyncio.Event()

    async def never_ready() -> bool:
        started.set()
        return False

    server = Server(
        name="sleeper", address="", command=(sys.executable, "-c", "import time; time.sleep(1000)"), ready=never_ready
    )
    process = ServerProcess(server, tmp_path)
    start = asyncio.create_task(process.start())
    await started.wait()
    processes = family(process)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert_gone(processes)


async def test_server_forgotten_is_stopped(tmp_path: Path) -> None:
    """A server whose handle is dropped without stop does not live on."""
    process = stubborn(tmp_path, stop_within=0.1)
    await process.start()
    processes = family(process)
    del process
    assert_gone(processes)


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """A running program that started a real Valkey, and the launcher that keeps it."""
    if reason := valkey.supported():
        pytest.skip(reason)
    with subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout is not None
            said = next(line for line in program.stdout if line.startswith("keeper"))
            yield program, psutil.Process(int(said.split()[1]))
        finally:
            program.kill()


def test_killed_owner_leaves_no_server(owner: tuple[subprocess.Popen[str], psutil.Process]) -> None:
    """After kill -9 of the program that started it, the server ends by itself."""
    program, keeper = owner
    processes = [keeper, *keeper.children()]
    assert len(processes) == 2
    program.kill()
    assert_gone(processes)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a process to its parent")
def test_killed_launcher_takes_its_server_along(owner: tuple[subprocess.Popen[str], psutil.Process]) -> None:
    """After kill -9 of everything that looks like Python, launcher included, the server is gone too."""
    program, keeper = owner
    processes = [keeper, *keeper.children()]
    keeper.kill()
    program.kill()
    assert_gone(processes[1:])


async def test_interrupt_at_the_terminal_is_not_for_the_server(tmp_path: Path) -> None:
    """Ctrl-C reaches the program's process group only, so that the program decides the order in which servers stop."""
    process = stubborn(tmp_path, stop_within=0.1)
    await process.start()
    assert all(os.getpgid(member.pid) != os.getpgid(0) for member in family(process))
    assert all(os.getsid(member.pid) != os.getsid(0) for member in family(process))
    await process.stop()


async def test_failed_start_says_why(tmp_path: Path) -> None:
    """A server that dies at its start: its last words and its log, on two lines."""
    source = "print('loading'); print('FATAL: bad directive in line 7'); print('bye'); raise SystemExit(1)"
    with pytest.raises(SetupError) as caught:
        await ServerProcess(script(source, tmp_path / "script.log"), tmp_path).start()
    lines = str(caught.value).splitlines()
    assert lines == [
        "script stopped by itself: FATAL: bad directive in line 7",
        f"Its log: {tmp_path / 'script.log'}",
    ]


async def test_real_server_with_a_wrong_option_says_why(tmp_path: Path) -> None:
    """Valkey's own complaint reaches the person."""
    if reason := valkey.supported():
        pytest.skip(reason)
    good = valkey.valkey(tmp_path)
    wrong = Server(
        name="valkey", address="", command=(*good.command, "--no-such-option", "1"), ready=good.ready, ports=good.ports
    )
    with pytest.raises(SetupError, match=r"no-such-option|Bad directive"):
        await ServerProcess(wrong, tmp_path).start()


async def test_missing_program_is_named(tmp_path: Path) -> None:
    """A program that is not there is a reason of one line, too."""

    async def never() -> bool:
        return False

    server = Server(name="ghost", address="", command=("/no/such/program",), ready=never)
    with pytest.raises(SetupError, match="cannot start /no/such/program: No such file"):
        await ServerProcess(server, tmp_path).start()


async def test_server_that_never_answers(tmp_path: Path) -> None:
    """A server that hangs at its start is given up, stopped, and its last line shown."""
    process = ServerProcess(
        script(
            "import time; print('still waiting for a quorum', flush=True); time.sleep(1000)",
            tmp_path / "script.log",
            start_within=2.0,
        ),
        tmp_path,
    )
    with pytest.raises(SetupError, match="did not answer within 2 s: still waiting for a quorum"):
        await process.start()
    with pytest.raises(RuntimeError):
        _ = process.pid


async def test_full_disk_is_called_so(tmp_path: Path) -> None:
    """A server that finds the disk full: the message says so and what to do."""
    source = "raise OSError(28, 'No space left on device')"
    with pytest.raises(SetupError, match=r"no space left on the disk\. Free some"):
        await ServerProcess(script(source, tmp_path / "script.log"), tmp_path).start()


async def test_log_that_cannot_be_written(tmp_path: Path) -> None:
    """No folder for the log: a reason that names the place and the setting."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SetupError, match="PROFILESTREAM_HOME"):
        await stubborn(tmp_path / "file").start()


async def test_taken_port_is_named(tmp_path: Path) -> None:
    """A port in use by another program: refused before anything starts, with its number."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"Port {port} .* in use by another program"):
            await ServerProcess(valkey.valkey(tmp_path, port=port), tmp_path).start()


async def test_lost_race_for_a_port_is_run_again(tmp_path: Path) -> None:
    """When somebody takes the free port between its choice and the start, another one is chosen."""
    if reason := valkey.supported():
        pytest.skip(reason)
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = iter([other.getsockname()[1], free_port()])
        process = await start_on_free_ports(lambda: valkey.valkey(tmp_path, port=next(ports)), tmp_path)
        assert str(other.getsockname()[1]) not in process.address
        await process.stop()


async def test_answer_of_another_program_is_not_its_own(tmp_path: Path) -> None:
    """Somebody takes the port while our server is loading, and answers in its place: it is not taken for ready."""
    port, loaded = free_port(), tmp_path / "loaded"
    source = f"""
import pathlib, socket, time
while not pathlib.Path({str(loaded)!r}).exists():
    time.sleep(0.01)
socket.create_server(("127.0.0.1", {port}))
"""
    with socket.socket() as other:

        async def ready() -> bool:
            if not loaded.exists():
                other.bind(("127.0.0.1", port))
                other.listen()
                loaded.touch()
            return True

        server = Server(name="late", address="", command=(sys.executable, "-c", source), ready=ready, ports=(port,))
        with pytest.raises(PortTakenError, match=f"Port {port} .* meant for late"):
            await ServerProcess(server, tmp_path).start()


async def test_server_that_ends_later_is_noticed(tmp_path: Path) -> None:
    """Who waits for a server learns of its death and with which status."""
    process = stubborn(tmp_path)
    await process.start()
    os.kill(family(process)[1].pid, signal.SIGKILL)
    assert await process.wait() == 128 + signal.SIGKILL
    await process.stop()
