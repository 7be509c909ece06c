"""The setting schema_registry_url, as a producer meets it: on a real broker, read by Confluent's own client."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer

from profilestream.deploy import wiring
from profilestream.deploy.local.runs import Addresses
from profilestream.deploy.settings import Settings
from profilestream.deploy.topics import USER_EVENTS
from profilestream.stream.kafka.connection import KafkaConnection
from profilestream.stream.kafka.reader import follow
from tests.schemas.registry_server import RegistryServer, registry_server

EVENT = {"id": "e1", "type": "click", "time": 1_700_000_000_000}


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    """A registry's stand-in, empty."""
    with registry_server() as running:
        yield running


def produce(folder: Path, kafka: str, registry: str, user: str = "ann") -> subprocess.CompletedProcess[str]:
    """`profilestream produce` of one event."""
    (folder / "events.jsonl").write_text(json.dumps(EVENT | {"user": user}))
    ours = {"PROFILESTREAM_KAFKA_BOOTSTRAP": kafka, "PROFILESTREAM_SCHEMA_REGISTRY_URL": registry}
    command = [sys.executable, "-m", "profilestream.deploy.cli", "produce", "events.jsonl"]
    return subprocess.run(command, cwd=folder, env=os.environ | ours, capture_output=True, text=True, check=False)


async def event_of(kafka: str, user: str) -> bytes | None:
    """The first message of a user on user-events."""
    async with aclosing(follow(KafkaConnection(bootstrap=kafka), USER_EVENTS, start="earliest")) as records:
        async for record in records:
            if record.key == user.encode():
                return bytes(record.value)
    return None


async def test_producer_writes_what_confluents_client_reads(
    kafka: str, server: RegistryServer, tmp_path: Path, unique: Callable[[str], str]
) -> None:
    """With the setting, `produce` registers its schema and writes events that any consumer with the registry reads."""
    user = unique("ann")
    done = produce(tmp_path, kafka, server.url, user)
    assert done.returncode == 0, done.stderr

    read = AvroDeserializer(SchemaRegistryClient({"url": server.url}))(await event_of(kafka, user), None)

    assert (read["id"], read["user"], round(read["time"].timestamp() * 1000)) == ("e1", user, EVENT["time"])
    assert server.subjects == {"user-events-value": [1]}


def test_incompatible_schema_is_refused_in_two_lines(kafka: str, server: RegistryServer, tmp_path: Path) -> None:
    """Where the subject has another schema, `produce` says so and writes nothing."""
    other = {"type": "record", "name": "UserEvent", "fields": [{"name": "id", "type": "int"}]}
    server.subjects["user-events-value"] = [server.put(json.dumps(other))]
    done = produce(tmp_path, kafka, server.url)

    assert done.returncode == 1
    assert "user-events-value" in done.stderr
    assert "Traceback" not in done.stderr
    assert "sent" not in done.stderr


def test_registry_that_is_away_is_told(tmp_path: Path, server: RegistryServer) -> None:
    """A registry that does not answer is named, before any broker is asked."""
    server.stop()
    done = produce(tmp_path, "127.0.0.1:9", server.url)

    assert done.returncode == 1
    assert f"{server.url} does not answer" in done.stderr


def test_local_stack_stays_away_from_the_registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A demo never registers schemas in a company's registry, not even by a child that reads the same file."""
    monkeypatch.chdir(tmp_path)
    Path("profilestream.toml").write_text('schema_registry_url = "http://registry:8081"\n')
    here = wiring.at(Settings.load(), Addresses(kafka="127.0.0.1:1", redis="redis://127.0.0.1:2", triton=None))
    for name, value in wiring.environment(here).items():
        monkeypatch.setenv(name, value)

    assert Settings.load().schema_registry_url is None
