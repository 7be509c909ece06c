"""`profilestream demo` as a user runs it: real servers, a short stream, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from profilestream.deploy.local import tansu, triton, valkey
from profilestream.deploy.local.home import private_folder
from profilestream.deploy.settings import PREFIX
from tests.conftest import skip_if
from tests.inference.conftest import small_bert

DEMO = (sys.executable, "-m", "profilestream.deploy.cli", "demo")
PATIENCE = 800  # seconds: a first run prepares everything, and other tests may have the cores
pytestmark = pytest.mark.timeout(PATIENCE + 60)


@pytest.fixture
def surroundings(data_home):
    """The environment of the command: the home where everything is prepared once, and no other setting."""
    for part in (tansu, valkey):
        skip_if(part.supported())
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return kept | {"PROFILESTREAM_HOME": str(private_folder(data_home))}


@pytest.fixture
def nothing_left(surroundings):
    """After the test, no process that has our home in its environment is left of those that it started."""
    home = surroundings["PROFILESTREAM_HOME"]
    before = {process.pid for process in ours(home)}
    yield
    assert [process for process in ours(home) if process.pid not in before] == []


def ours(home):
    """Servers, workers and learners on a home."""
    for process in psutil.process_iter(["environ", "cmdline"]):
        command = process.info["cmdline"] or [""]
        server = any(name in command[0] for name in ("tansu", "valkey"))
        child = command[-1] in {"worker", "learn"}
        its = (process.info["environ"] or {}).get("PROFILESTREAM_HOME", "")
        if f"{its}/".startswith(f"{home}/") and (server or child):  # a demo has a home of its own below
            yield process


@pytest.mark.parametrize("encoder", ["triton", "twin"])
def test_demo(encoder, surroundings, nothing_left, tmp_path):
    """It ends well with every event accounted for, on Triton and on its twin, and says which of them it was."""
    options = [] if encoder == "triton" else ["--no-triton"]
    skip_if(triton.supported() if encoder == "triton" else None)
    file = tmp_path / "figures.json"
    command = [*DEMO, "--events", "300", "--no-update", "--json", str(file), *options]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(file.read_bytes())
    assert figures["events_sent"] == figures["events_applied"] + figures["events_skipped"] == 300
    assert figures["lost"] == figures["dead_letters"] == figures["backward"] == 0
    assert 0 < figures["latency_ms"]["p50"] <= figures["latency_ms"]["p99"]
    assert 0 <= figures["interests"]["popularity_top5"] <= 1
    assert figures["interests"]["top5"] > figures["interests"]["chance_top5"]
    assert 0 < figures["bytes_per_profile"] <= 4096
    assert figures["profiles"] > 0
    assert figures["updates_seen"] >= figures["profiles"]
    assert figures["events_per_second"] > 0
    assert figures["worker_memory_bytes"] < 300 * 2**20
    assert figures["worker_memory_bytes_over_time"]
    assert encoder in figures["servers"]["encoder"]
    assert "\x1b" not in done.stdout  # plain lines where there is no terminal


@pytest.fixture
def small(surroundings, tmp_path):
    """A home with a small encoder of its own; what was fetched and installed is shared."""
    skip_if(triton.supported())
    home = private_folder(tmp_path / "home")
    for shared in ("packages", "triton"):
        (home / shared).symlink_to(private_folder(Path(surroundings["PROFILESTREAM_HOME"]) / shared))
    source = small_bert(private_folder(tmp_path / "tiny"), dimensions=192)  # as many as profiles store
    encoder = {"PROFILESTREAM_ENCODER_PATH": str(source), "PROFILESTREAM_MODEL": "tiny-v1"}
    return surroundings | encoder | {"PROFILESTREAM_HOME": str(home)}


def test_a_topic_is_learned_and_the_encoder_updated(small, tmp_path):
    """A topic that nobody knew is known after its labels; the encoder's update ends with a verdict and a report."""
    file, home = tmp_path / "figures.json", Path(small["PROFILESTREAM_HOME"])
    command = [*DEMO, "--events", "300", "--labels", "400", "--json", str(file)]
    done = subprocess.run(command, env=small, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(file.read_bytes())
    assert figures["events_sent"] == figures["events_applied"] == 300
    learning = figures["learning"]
    assert learning["accuracy"]["before"]["topic"] == 0.0
    assert 0 < learning["labels"]["first"] <= learning["labels"]["all"]
    assert set(learning["accuracy"]) >= {"before", "few_labels", "all_labels"}
    assert learning["seconds_to_workers"] > 0
    update = learning["update"]
    assert update["outcome"] in {"published", "refused"}, done.stdout
    assert update["encoder"] == ("tiny-v2" if update["outcome"] == "published" else "tiny-v1")
    report = Path(update["report"])
    assert update["why"] in (report / "report.md").read_text()
    assert (report / "figures.png").exists()
    assert [path.name for path in (home / "models").iterdir()] == ["tiny-v1"]
    assert not (home / "registry").exists()
    assert list(ours(str(home))) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle(number, surroundings, nothing_left):
    """Ctrl-C or SIGTERM while it replays stops everything, with exit status 130 and no traceback."""
    command = [*DEMO, "--events", "5000", "--speed", "1", "--no-triton"]  # in real time it would take days
    with subprocess.Popen(
        command, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        said = []
        for line in demo.stdout:
            said.append(line)
            if "events," in line:
                break
        demo.send_signal(number)
        said.append(demo.communicate(timeout=60)[0])
    assert demo.returncode == 130, "".join(said)
    assert "Traceback" not in "".join(said)
    assert "stopped" in said[-1]


def test_home_that_cannot_be_written_is_told_at_once(surroundings, tmp_path):
    """A home that cannot be written is told in two lines, before anything starts."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = subprocess.run(
        DEMO,
        env=surroundings | {"PROFILESTREAM_HOME": str(blocked)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "Cannot write to" in done.stderr
    assert len(done.stderr.splitlines()) == 2
