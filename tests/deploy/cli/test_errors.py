"""What goes wrong at a start is told in one or two lines, soon, with what to do, and never as a traceback."""

import os
import subprocess
import sys

import pytest

from profilestream.deploy.settings import PREFIX

NOBODY = "127.0.0.1:1"  # no server may listen there
DEAD = {
    "PROFILESTREAM_KAFKA_BOOTSTRAP": NOBODY,
    "PROFILESTREAM_REDIS_URL": f"redis://{NOBODY}/0",
    "PROFILESTREAM_TRITON_URL": NOBODY,
}
EVENT = '{"user": "ann", "type": "click", "time": "2024-01-01T00:00:00Z"}'


def failure(*arguments, folder, **variables):
    """The lines on standard error of a command that must fail with status 1; logs of libraries would be there, too."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    command = [sys.executable, "-m", "profilestream.deploy.cli", *arguments]
    environment = kept | {"PROFILESTREAM_HOME": str(folder)} | variables
    done = subprocess.run(
        command, env=environment, cwd=folder, input=EVENT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) <= 2, done.stderr
    assert done.stderr.startswith("error: ")
    return done.stderr


@pytest.mark.parametrize("command", [("tail",), ("produce", "-")])
def test_kafka_does_not_answer(command, tmp_path):
    """Who needs Kafka says where it looked."""
    said = failure(*command, folder=tmp_path, **DEAD)
    assert NOBODY in said
    assert "PROFILESTREAM_KAFKA_BOOTSTRAP" in said


@pytest.mark.parametrize("command", [("worker",), ("learn",), ("profile", "top"), ("profile", "show", "ann")])
def test_redis_does_not_answer(command, tmp_path):
    """Who needs Redis says where it looked; a worker does not wait for ever for what was never there."""
    said = failure(*command, folder=tmp_path, **DEAD)
    assert "Redis" in said
    assert "PROFILESTREAM_REDIS_URL" in said


@pytest.mark.parametrize("command", ["worker", "learn"])
def test_only_kafka_is_missing(command, tmp_path, redis_url):
    """A worker whose Redis is there tells that Kafka is not."""
    said = failure(command, folder=tmp_path, **DEAD | {"PROFILESTREAM_REDIS_URL": redis_url})
    assert "PROFILESTREAM_KAFKA_BOOTSTRAP" in said


def test_nothing_was_prepared(tmp_path, redis_url):
    """A Redis without a codebook is told with what to do."""
    said = failure("profile", "top", folder=tmp_path, PROFILESTREAM_REDIS_URL=redis_url)
    assert "profilestream prepare" in said


def test_unknown_setting(tmp_path):
    """A misspelt variable is refused with the right name."""
    said = failure("doctor", folder=tmp_path, PROFILESTREAM_REDIS_ULR="redis://localhost")
    assert "did you mean PROFILESTREAM_REDIS_URL" in said


def test_file_of_settings_is_not_toml(tmp_path):
    """A broken file of settings is named, with the line."""
    (tmp_path / "profilestream.toml").write_text("a = = 1")
    assert "profilestream.toml is not a TOML file" in failure("doctor", folder=tmp_path)


def test_file_of_events_is_missing(tmp_path):
    """A file that is not there is told before any server is asked."""
    assert "cannot read none.jsonl" in failure("produce", "none.jsonl", folder=tmp_path, **DEAD)
