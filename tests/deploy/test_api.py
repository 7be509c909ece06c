"""The API as a process."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from profilestream.deploy import wiring
from profilestream.deploy.api import address, listen
from profilestream.deploy.cli.app import app
from profilestream.deploy.settings import Settings
from profilestream.schemas.errors import ConfigurationError, SetupError
from profilestream.stream.api.tokens import find

ROOT = Path(__file__).parents[2]


def test_an_api_that_nobody_could_ask_does_not_start() -> None:
    """Without a token, reading must be opened on purpose."""
    with pytest.raises(ConfigurationError, match="profilestream token"):
        listen(Settings(api_port=0))


def test_a_port_that_is_taken_is_said_so() -> None:
    """With the setting that changes it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=rf"port {port}.*\(?.*PROFILESTREAM_API_PORT"):
            listen(Settings(api_port=port, api_open_on_loopback=True))


def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    """Nobody on the network reads profiles by default."""
    with listen(Settings(api_port=0, api_open_on_loopback=True)) as listening:
        assert address(listening).startswith("http://127.0.0.1:")


def test_a_made_token_works() -> None:
    """What `profilestream token` prints for the settings admits the token that it prints for its owner."""
    done = CliRunner().invoke(app, ["token", "ann", "--admin"])
    assert done.exit_code == 0, done.output
    token, entry = done.stdout.splitlines()
    options = wiring.api_options(Settings(api_tokens=entry))
    found = find(options.tokens, token)
    assert found
    assert (found.name, found.scope) == ("ann", "admin")
    assert entry not in repr(Settings(api_tokens=entry))


def test_the_api_does_without_training_libraries() -> None:
    """It starts quickly and stays small."""
    script = "import sys, profilestream.deploy.api; print(*{n.partition('.')[0] for n in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT / ".pkg")},
        capture_output=True,
        check=True,
    )
    loaded = set(done.stdout.decode().split())
    assert not loaded & {"torch", "transformers", "onnxruntime", "onnx", "sklearn", "pandas", "matplotlib"}
