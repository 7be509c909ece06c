"""`restore`, `verify`, `dead-letters` and `status`, as an operator uses them on real servers."""

import asyncio
import json

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from click.testing import Result
from redis.asyncio import Redis
from typer.testing import CliRunner

from profilestream.deploy.cli.app import app
from profilestream.deploy.topics import USER_EVENTS, ensure_topics
from profilestream.schemas.errors import ConfigurationError
from profilestream.stream.engine.ports import Outgoing
from profilestream.stream.kafka.connection import KafkaConnection
from profilestream.stream.kafka.sink import KafkaSink
from profilestream.stream.store.redis import RedisStore
from profilestream.stream.worker.status import publish_status
from tests.stream.world import World, event

USERS = [f"user{number}" for number in range(5)]
RUBBISH = b"rubbish of ada@example.org"


@pytest.fixture
def servers(fresh_kafka: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Broker and store after a worker has done all there was to do: a hundred events, and one bad message."""
    monkeypatch.setenv("PROFILESTREAM_KAFKA_BOOTSTRAP", fresh_kafka)
    monkeypatch.setenv("PROFILESTREAM_REDIS_URL", redis_url)
    monkeypatch.setenv("COLUMNS", "100")
    asyncio.run(_work(fresh_kafka, redis_url))
    return redis_url


async def _work(bootstrap: str, redis_url: str) -> None:
    connection = KafkaConnection(bootstrap=bootstrap)
    world = World()
    await ensure_topics(connection, world.log.partitions)
    world.send(*[event(number, USERS[number % len(USERS)]) for number in range(100)])
    world.log.append(USER_EVENTS, b"ada", RUBBISH)
    sink = await KafkaSink.connect(connection)
    # Kafka's clients choose the same partitions as the log in memory, so offsets are the same, too.
    await sink.publish([Outgoing(USER_EVENTS, m.key, m.value) for m in world.log.messages(USER_EVENTS)])
    world.store = RedisStore.connect(redis_url)
    await world.engine(sink=sink).run()
    await sink.close()
    await world.store.close()
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id="profilestream", enable_auto_commit=False)
    await consumer.start()
    offsets = {TopicPartition(*partition): offset for partition, offset in world.log.committed.items()}
    consumer.assign(list(offsets))
    await consumer.commit(offsets)
    await consumer.stop()


def run(*arguments: str, text: str = "") -> Result:
    """A command's result; its errors are raised."""
    result = CliRunner().invoke(app, arguments, input=text)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def redis(url: str, *command: str | bytes) -> object:
    """A command to Redis."""

    async def ask() -> object:
        async with Redis.from_url(url) as client:
            return await client.execute_command(*command)

    return asyncio.run(ask())


def test_what_a_worker_left_is_verified(servers: str) -> None:
    """All is well: exit status 0, and figures for people and for programs."""
    result = run("verify")
    assert result.exit_code == 0
    assert "✓ 5 users against profile-updates: no difference" in result.stdout
    assert "✓ 100 events against their profiles: no difference" in result.stdout
    report = json.loads(run("verify", "--json").stdout)
    assert (report["differences"], report["events"], report["checked"]["exact"]) == (0, 100, 5)


def test_what_is_wrong_is_named(servers: str) -> None:
    """A profile that is gone is found both ways: exit status 1."""
    redis(servers, "DEL", "profile:user3")
    result = run("verify")
    assert result.exit_code == 1
    assert "✗ 5 users against profile-updates: 1 missing" in result.stdout
    assert "✗ 100 events against their profiles: 1 missing" in result.stdout
    assert "user3" in result.stdout


def test_a_range_of_events(servers: str) -> None:
    """By offset or time; what is neither is refused."""
    report = json.loads(run("verify", "--json", "--from", "3", "--to", "2100-01-01T00:00").stdout)
    assert report["differences"] == report["checked"]["exact"] == 0
    assert 0 < report["events"] < 100
    assert report["checked"]["at_least"] > 0
    with pytest.raises(ConfigurationError, match="neither an offset nor a time"):
        run("verify", "--from", "yesterday")


def test_an_empty_redis_is_restored(servers: str) -> None:
    """First only looked at, then done; the missing models are told; afterwards all is as it was."""
    redis(servers, "FLUSHALL")
    result = run("restore", "--dry-run")
    assert "5 profiles would be restored" in result.stdout
    assert redis(servers, "DBSIZE") == 0
    result = run("restore")
    assert "5 profiles restored" in result.stdout
    assert "profilestream prepare --publish" in result.stderr
    assert redis(servers, "HLEN", "profilestream:watermarks") == 4
    assert run("verify").exit_code == 0


def test_a_redis_that_is_not_empty_is_left_alone(servers: str) -> None:
    """Unless it is to be merged: then what is missing comes back, and the rest stays."""
    redis(servers, "DEL", "profile:user3")
    with pytest.raises(ConfigurationError, match="--merge"):
        run("restore")
    result = run("restore", "--merge")
    assert "1 profiles restored" in result.stdout
    assert "4 kept as they are" in result.stdout
    assert run("verify").exit_code == 0


def test_nothing_is_restored_below_a_running_worker(servers: str) -> None:
    """It would write at the same time: its name is told."""

    async def speak() -> None:
        async with Redis.from_url(servers) as client:
            await publish_status(client, "worker", {"partitions": []})

    redis(servers, "FLUSHALL")
    asyncio.run(speak())
    with pytest.raises(ConfigurationError, match="stop all of them"):
        run("restore")
    assert redis(servers, "KEYS", "profile:*") == []


def test_dead_letters_are_listed_shown_and_replayed_once(servers: str) -> None:
    """Nothing personal is shown unless asked for; nothing is sent in a dry run, without consent or twice."""
    result = run("dead-letters", "list")
    assert "1 letters: 1 not_avro; 1 shown" in result.stdout
    assert "0 letters" in run("dead-letters", "list", "--reason", "tombstone").stdout
    letter = next(word for line in result.stdout.splitlines() for word in line.split() if word[:1].isdigit())
    shown = run("dead-letters", "show", letter).stdout
    assert "not_avro" in shown
    assert "<email>" in shown
    assert "ada@example.org" not in shown
    assert "ada@example.org" in run("dead-letters", "show", letter, "--raw").stdout
    assert "to send: 1 to user-events" in run("dead-letters", "replay", "--dry-run").stdout
    assert run("dead-letters", "replay", letter, text="n\n").exit_code == 1
    assert "1 messages sent" in run("dead-letters", "replay", letter, "--yes").stdout
    again = run("dead-letters", "replay", "--yes").stdout
    assert "1 replayed already; to send: none" in again
    assert "sent" not in again.splitlines()[-1].replace("to send", "")
    assert "yes" in run("dead-letters", "list").stdout


def test_status_without_a_worker(servers: str) -> None:
    """Partitions, what was committed and stored, and what to do."""
    result = run("status")
    assert "0 workers, lag 0" in result.stdout
    assert "profilestream worker" in result.stdout
    assert "user-events-3" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 120
    partitions = json.loads(run("status", "--json").stdout)["partitions"]
    assert [p["lag"] for p in partitions] == [0] * 4
    assert sum(p["committed"] or 0 for p in partitions) == sum(p["watermark"] or 0 for p in partitions) == 101


def test_status_of_workers(servers: str) -> None:
    """What a worker says of itself, within a hundred columns."""
    said = {
        "time": 1.0,
        "partitions": ["user-events-0", "user-events-1"],
        "applied": 12_345,
        "memory": 234_000_000,
        "seconds_since_progress": 3.2,
        "model": "encoder-v1",
        "heads": {"interest": 12, "sentiment": 1},
    }

    async def speak() -> None:
        async with Redis.from_url(servers) as client:
            await publish_status(client, "worker", said)

    asyncio.run(speak())
    result = run("status")
    assert "1 workers" in result.stdout
    assert "12345" in result.stdout
    assert "interest v12" in result.stdout
    assert "nobody" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 120
