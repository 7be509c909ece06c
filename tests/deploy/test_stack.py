"""The local stack as a whole: it starts, it is found, and it leaves nothing behind."""

import asyncio
import platform
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from redis.asyncio import Redis
from tritonclient.grpc.aio import InferenceServerClient as Client

from profilestream.deploy.local import probe, tansu, triton, valkey
from profilestream.deploy.local.runs import find_running, new_run, stop_running
from profilestream.deploy.local.stack import Encoder, LocalStack
from profilestream.schemas.errors import SetupError

# Python's backend loads it without our encoder: the stack is tested here, not the model.
ECHO_CONFIG = """
backend: "python"
max_batch_size: 8
input [{ name: "IN", data_type: TYPE_FP32, dims: [ 1 ] }]
output [{ name: "OUT", data_type: TYPE_FP32, dims: [ 1 ] }]
"""
ECHO_MODEL = """
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        return [
            pb_utils.InferenceResponse([
                pb_utils.Tensor("OUT", pb_utils.get_input_tensor_by_name(request, "IN").as_numpy())
            ])
            for request in requests
        ]
"""

# A program that starts a stack, leaves it running and ends.
LEAVER = """
import asyncio, sys
from pathlib import Path
from profilestream.deploy.local.stack import LocalStack

async def main():
    async with LocalStack(Path(sys.argv[1])) as stack:
        stack.detach()

asyncio.run(main())
"""

# A program that starts a whole stack and then waits to be killed.
OWNER = """
import asyncio, sys
from pathlib import Path
from profilestream.deploy.local.stack import Encoder, LocalStack

async def main():
    home = Path(sys.argv[1])
    async with LocalStack(home, encoder=Encoder(repository=home / "repository", models=["echo"])):
        print("running", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """After each test no process is left of those that it started."""
    for part in (tansu, valkey):
        if reason := part.supported():
            pytest.skip(reason)
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) <= before


def servers() -> list[psutil.Process]:
    """The server processes below this one."""
    return [child for keeper in psutil.Process().children() for child in keeper.children()]


async def test_servers_answer_while_the_block_runs(tmp_path: Path) -> None:
    """Broker and store answer at the given addresses, are gone afterwards, and each has left a log."""
    said: list[str] = []
    async with LocalStack(tmp_path, report=said.append) as stack:
        port = int(stack.addresses.kafka.rpartition(":")[2])
        assert await probe.kafka_answers(port)
        async with Redis.from_url(stack.addresses.redis) as client:
            assert await client.ping()
        assert stack.addresses.triton is None
    assert not await probe.kafka_answers(port)
    assert {log.name for log in stack.run.glob("*.log")} == {"tansu.log", "valkey.log"}
    assert said == [f"tansu runs at {stack.addresses.kafka}", f"valkey runs at {stack.addresses.redis}"]


async def test_error_in_the_block_stops_all(tmp_path: Path) -> None:
    """A crash of the program's own work stops the servers and is not hidden."""
    with pytest.raises(ZeroDivisionError):
        async with LocalStack(tmp_path):
            _ = 1 // 0


async def test_cancellation_stops_all(tmp_path: Path) -> None:
    """So does Ctrl-C, which cancels the main task."""
    running = asyncio.Event()

    async def main() -> None:
        async with LocalStack(tmp_path):
            running.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(main())
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancellation_during_the_start_stops_all(tmp_path: Path) -> None:
    """Also when only the first server runs yet."""
    first = asyncio.Event()
    start = asyncio.create_task(LocalStack(tmp_path, report=lambda _: first.set()).__aenter__())
    await first.wait()
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert find_running(tmp_path) is None


async def test_failed_server_stops_the_others_and_says_why(tmp_path: Path) -> None:
    """One server cannot start: one error with its reason and its log."""
    broken = tmp_path / "kafka-home" / "bin"
    broken.mkdir(parents=True)
    for script in ("kafka-storage.sh", "kafka-server-start.sh"):
        (broken / script).write_text("#!/bin/sh\necho 'ERROR the quorum has no voters'; exit 1\n")
        (broken / script).chmod(0o700)
    with pytest.raises(
        SetupError, match=r"kafka stopped by itself: ERROR the quorum has no voters\nIts log: .*kafka\.log"
    ):
        async with LocalStack(tmp_path, kafka_home=broken.parent):
            pass


async def test_wrong_kafka_folder_is_told(tmp_path: Path) -> None:
    """A setting that names no Kafka stops the start before anything runs."""
    with pytest.raises(SetupError, match="is not a Kafka folder"):
        async with LocalStack(tmp_path, kafka_home=tmp_path):
            pass


async def test_apache_kafka_and_the_store_are_kept_together(kafka_home: Path, tmp_path: Path) -> None:
    """With a Kafka of the user's, profiles are kept as their events are: one without the other would be wrong."""
    for expected in (None, b"grown"):
        async with (
            LocalStack(tmp_path, kafka_home=kafka_home) as stack,
            Redis.from_url(stack.addresses.redis) as client,
        ):
            assert await client.get("profile") == expected
            await client.set("profile", b"grown")


async def test_death_of_a_server_is_noticed(tmp_path: Path) -> None:
    """While the program works, a server that dies is named, so that nobody waits for ever."""
    before = set(servers())
    async with LocalStack(tmp_path) as stack:
        watch = asyncio.create_task(stack.watch())
        (store,) = (server for server in set(servers()) - before if "valkey" in server.name())
        store.kill()
        with pytest.raises(SetupError, match="valkey stopped by itself"):
            await watch


async def test_running_stack_is_found(tmp_path: Path) -> None:
    """Other commands find the stack by its note, which is for this user only; not after it stopped."""
    async with LocalStack(tmp_path) as stack:
        assert find_running(tmp_path) == stack.addresses
        assert stat.S_IMODE((stack.run / "stack.json").stat().st_mode) == 0o600
        assert stat.S_IMODE((stack.run / "valkey.log").stat().st_mode) == 0o600
    assert find_running(tmp_path) is None


async def test_dead_stack_is_not_found(tmp_path: Path) -> None:
    """A note whose servers were killed is not believed."""
    before = set(servers())
    async with LocalStack(tmp_path) as stack:
        for server in set(servers()) - before:
            server.kill()
        with pytest.raises(SetupError):
            await stack.watch()
        assert find_running(tmp_path) is None


async def test_detached_stack_outlives_its_program(tmp_path: Path) -> None:
    """What `--keep` leaves running is found by other programs, works, and can be stopped."""
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", LEAVER, str(tmp_path)], check=True, timeout=60)
    addresses = find_running(tmp_path)
    assert addresses is not None
    async with Redis.from_url(addresses.redis) as client:
        assert await client.ping()
    assert await asyncio.to_thread(stop_running, tmp_path) == 2
    assert find_running(tmp_path) is None
    assert not await probe.kafka_answers(int(addresses.kafka.rpartition(":")[2]))


def test_nothing_to_stop(tmp_path: Path) -> None:
    """Where no stack was left there is nothing to stop, and no error."""
    assert stop_running(tmp_path) == 0


def test_only_the_newest_logs_are_kept(tmp_path: Path) -> None:
    """Logs of old runs do not fill the disk."""
    runs = [new_run(tmp_path) for _ in range(13)]
    assert sorted((tmp_path / "runs").iterdir()) == runs[3:]


@pytest.fixture
def encoder(tmp_path: Path) -> Encoder:
    """A model repository with one small model."""
    model = tmp_path / "repository" / "echo"
    (model / "1").mkdir(parents=True)
    (model / "config.pbtxt").write_text(ECHO_CONFIG)
    (model / "1" / "model.py").write_text(ECHO_MODEL)
    return Encoder(repository=model.parent, models=["echo"])


@pytest.fixture
def triton_home(data_home: Path, tmp_path: Path) -> Path:
    """A new data home with the Triton of the user's: installed once for all tests."""
    if reason := triton.supported():
        pytest.skip(reason)
    triton.prepare_environment(data_home)
    (tmp_path / "triton").symlink_to(data_home / "triton")
    return tmp_path


async def test_triton_runs_beside_the_others(triton_home: Path, encoder: Encoder) -> None:
    """Where there is an encoder to serve, a real Triton serves it, and it ends with its helpers."""
    async with LocalStack(triton_home, encoder=encoder) as stack:
        assert stack.missing == {}
        assert stack.addresses.triton is not None
        async with Client(stack.addresses.triton) as client:
            assert await client.is_model_ready("echo")


def test_killed_program_leaves_no_server(triton_home: Path, encoder: Encoder) -> None:
    """After kill -9 of the program all servers end by themselves, Triton's helper processes included."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(triton_home)], stdout=subprocess.PIPE, text=True
    ) as program:
        try:
            assert program.stdout is not None
            assert any(line.startswith("running") for line in program.stdout)
            processes = psutil.Process(program.pid).children(recursive=True)
            names = {process.name() for process in processes}
        finally:
            program.kill()
    assert {"tansu", "valkey-server", "tritonserver", "triton_python_backend_stub"} <= names
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not alive


async def test_missing_triton_is_told(encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that cannot run Triton the rest starts, with a reason for the caller and for the person."""
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    said: list[str] = []
    async with LocalStack(tmp_path, encoder=encoder, report=said.append) as stack:
        assert stack.addresses.triton is None
        assert "riscv64" in stack.missing["triton"]
    assert any("in-process" in line and "riscv64" in line for line in said)
