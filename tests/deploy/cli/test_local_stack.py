"""A local stack that is left running, as a user meets it: other commands find it, and `down` ends it."""

import json
import os
import re
import subprocess
import sys

import httpx
import pytest

from profilestream.deploy.local import tansu, triton, valkey
from profilestream.deploy.settings import PREFIX
from tests.conftest import skip_if

GOOD = {"user": "ann", "type": "message", "time": "2024-01-01T00:00:00Z", "text": "my favourite [/b] smell is coffee"}
FILE = "\n".join([json.dumps(GOOD), json.dumps(GOOD | {"text": " "}), json.dumps(GOOD | {"text": "I love flowers"})])


@pytest.fixture(scope="module")
def home(data_home, tmp_path_factory):
    """A home of our own, so that no other stack is found in it; what is prepared is that of the user's."""
    for part in (tansu, valkey, triton):
        skip_if(part.supported())
    own = tmp_path_factory.mktemp("home")
    run(data_home, "prepare")
    for name in ("packages", "models", "fitted", "triton"):
        (own / name).symlink_to(data_home / name)
    return own


def surroundings(home):
    """The environment of a command: this home and no other setting."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return kept | {"PROFILESTREAM_HOME": str(home), "COLUMNS": "120"}


def run(home, *arguments, text=None):
    """A command, run to its end."""
    command = [sys.executable, "-m", "profilestream.deploy.cli", *arguments]
    return subprocess.run(
        command, env=surroundings(home), input=text, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture(scope="module")
def stack(home):
    """The output of `up --detach`; a worker runs beside it."""
    up = run(home, "up", "--detach")
    assert up.returncode == 0, up.stderr
    command = [sys.executable, "-m", "profilestream.deploy.cli", "worker"]
    with subprocess.Popen(command, env=surroundings(home), stderr=subprocess.PIPE, text=True) as worker:
        try:
            said = ""
            while "partitions assigned" not in said and (line := worker.stderr.readline()):
                said += line
            assert "partitions assigned" in said, said
            yield up
        finally:
            worker.terminate()
            worker.communicate(timeout=60)
            down = run(home, "down")
    assert worker.returncode == 0
    assert "4 servers stopped" in down.stderr
    assert "no local stack is running" in run(home, "down").stderr


def test_addresses_for_other_programs(stack):
    """Standard output has lines for a shell, and nothing else."""
    assert [line.partition("=")[0] for line in stack.stdout.splitlines()] == [
        f"export PROFILESTREAM_{name}" for name in ("KAFKA_BOOTSTRAP", "REDIS_URL", "TRITON_URL")
    ]


def test_the_page_is_there(home, stack):
    """`up` says where the page is; profiles can be read there."""
    (address,) = re.findall(r"the page: (http://127.0.0.1:\d+/)", stack.stderr)
    assert httpx.get(f"{address}ready").json() == {"status": "ready"}
    assert "<title>profilestream</title>" in httpx.get(address).text


def test_second_stack_is_not_started(home, stack):
    """While one runs, `up` says so."""
    assert "running already" in run(home, "up").stderr


def test_from_file_to_profile(home, stack):
    """Events from standard input become a profile; the wrong line is named by its number and fails the command."""
    sent = run(home, "produce", "-", text=FILE)
    assert sent.returncode == 1
    assert "using the local stack" in sent.stderr
    assert "line 2: a message needs a text" in sent.stderr
    assert "2 events sent, 1 lines left out" in sent.stderr
    followed = run(home, "tail", "--from-beginning", "--limit", "1")
    assert followed.stdout.startswith("ann  r")
    shown = run(home, "profile", "show", "ann")
    assert shown.returncode == 0, shown.stderr
    assert "2024-01-01 00:00" in shown.stdout
    assert json.loads(run(home, "profile", "show", "ann", "--json").stdout)["user"] == "ann"
    assert "ann" in run(home, "profile", "top").stdout


def test_unknown_user(home, stack):
    """A user without a profile is an error of one line, whatever the name."""
    shown = run(home, "profile", "show", "no[/]body")
    assert shown.returncode == 1
    assert "there is no profile of 'no[/]body'" in shown.stderr


def test_doctor_finds_all_in_order(home, stack):
    """With stack and worker running every check passes."""
    found = run(home, "doctor")
    assert found.returncode == 0, found.stdout
    assert "✗" not in found.stdout
