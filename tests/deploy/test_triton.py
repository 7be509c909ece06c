import asyncio
from pathlib import Path

import pytest

from profilestream.deploy.local import triton
from profilestream.deploy.local.ports import free_port
from profilestream.schemas.errors import SetupError
from tests.conftest import skip_if


@pytest.fixture(scope="module")
def environment(data_home: Path) -> triton.TritonEnvironment:
    """Triton's own environment, installed once for this user."""
    skip_if(triton.supported())
    return triton.prepare_environment(data_home)


def test_nothing_is_installed_twice(environment: triton.TritonEnvironment, data_home: Path) -> None:
    """The second start does not call pip."""
    told: list[str] = []
    assert triton.prepare_environment(data_home, told.append) == environment
    assert told == []


def test_it_only_listens_on_loopback(environment: triton.TritonEnvironment, tmp_path: Path) -> None:
    """A demo on a laptop serves nobody else in the café."""
    command, _ = triton.triton_command(environment, tmp_path, ["encoder-v1"], 1, 2, 3)
    assert {part for part in command if "-address=" in part} == {
        "--grpc-address=127.0.0.1",
        "--http-address=127.0.0.1",
        "--metrics-address=127.0.0.1",
    }


def test_secrets_stay_with_us(
    environment: triton.TritonEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server does not get passwords that were meant for the worker."""
    monkeypatch.setenv("PROFILESTREAM_REDIS_URL", "redis://:hunter2@example")
    command, variables = triton.triton_command(environment, tmp_path, [], 1, 2, 3)
    assert "hunter2" not in f"{command} {variables}"


async def test_not_ready_where_nobody_listens() -> None:
    """Waiting for a server that is not there yet raises nothing."""
    assert not await triton.triton_ready(free_port())


async def test_not_ready_where_something_else_answers() -> None:
    """Another program on the port is not taken for Triton."""

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        assert not await triton.triton_ready(server.sockets[0].getsockname()[1])


def test_a_failed_installation_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel there is an error of two lines, and the next attempt begins anew."""
    skip_if(triton.supported())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    for _ in range(2):
        with pytest.raises(SetupError, match="nvidia-pytriton") as caught:
            triton.prepare_environment(tmp_path)
        assert len(str(caught.value).splitlines()) == 2
