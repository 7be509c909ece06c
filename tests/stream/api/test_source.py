"""What the API follows, on real brokers."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from profilestream.deploy.topics import Topic, ensure_topics
from profilestream.schemas.codec import encode
from profilestream.schemas.events import ModelEvent, ProfileUpdate
from profilestream.schemas.wire import Wire
from profilestream.stream.api.feed import Feed
from profilestream.stream.api.hub import Hub
from profilestream.stream.api.index import UserIndex
from profilestream.stream.api.metrics import ApiMetrics
from profilestream.stream.api.publishing import Timeline
from profilestream.stream.api.source import follow_topic, follow_updates
from profilestream.stream.engine.ports import Outgoing
from profilestream.stream.kafka.connection import KafkaConnection
from profilestream.stream.kafka.sink import KafkaSink
from tests.stream.api.test_index import update
from tests.stream.world import LAYOUT


@pytest.fixture
async def topic(kafka: str, unique) -> str:
    """A topic of its own."""
    name = unique("updates")
    await ensure_topics(KafkaConnection(bootstrap=kafka), 2, topics=[Topic(name=name)])
    return name


async def write(kafka: str, topic: str, *values: ProfileUpdate | ModelEvent | bytes, forget: str = "") -> None:
    """As a worker does; rubbish as somebody else might; and the end of a user."""
    sink = await KafkaSink.connect(KafkaConnection(bootstrap=kafka))
    messages = [
        Outgoing(topic, b"rubbish", value)
        if isinstance(value, bytes)
        else Outgoing(topic, (value.user if isinstance(value, ProfileUpdate) else value.name).encode(), encode(value))
        for value in values
    ]
    await sink.publish([*messages, *([Outgoing(topic, forget.encode(), None)] if forget else [])])
    await sink.close()


@asynccontextmanager
async def running(work):
    """A coroutine, for as long as the block runs; its error where it fails."""
    task = asyncio.ensure_future(work)
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_index_is_what_the_topic_says_and_followers_hear_the_rest(kafka: str, topic: str) -> None:
    """What was there fills the index in silence; what comes then is told; rubbish is left out, the forgotten go."""
    metrics = ApiMetrics()
    index, hub = UserIndex(100, LAYOUT.dimensions), Hub(5, 50, metrics)
    feed = Feed(index, hub, metrics)
    await write(kafka, topic, update("ada", 1, cats=0.4), b"rubbish", update("grace", 1), update("ada", 2, cats=0.9))
    connection = KafkaConnection(bootstrap=kafka)
    async with asyncio.timeout(60), running(follow_updates(connection, topic, Wire(), feed)):
        await feed.caught_up.wait()
        assert {seen.user: seen.events for seen in index.find("", 9)} == {"ada": 2, "grace": 1}
        with hub.subscribed([]) as told:
            await write(kafka, topic, update("alan", 1), forget="grace")
            heard = await told.take()
            assert [one.user for one in heard] == ["alan"]
        while any(seen.user == "grace" for seen in index.find("", 9)):
            await asyncio.sleep(0.05)


async def test_the_timeline_begins_with_the_topic(kafka: str, topic: str) -> None:
    """Everything that was told before is told again, in order, then what comes; of a head only the last version."""

    def event(kind: str, name: str, version: int) -> ModelEvent:
        return ModelEvent(kind=kind, name=name, version=version, location="", sha256="", time=version)

    timeline, current, later = Timeline(), asyncio.Event(), asyncio.Event()

    async def take(event: ModelEvent) -> None:
        await timeline.take(event)
        if event.version == 9:
            later.set()

    async def caught_up() -> None:
        current.set()

    await write(kafka, topic, *[event("head", "interest", version) for version in (1, 2, 3)])
    work = follow_topic(KafkaConnection(bootstrap=kafka), topic, Wire(), ModelEvent, take, caught_up)
    async with asyncio.timeout(60), running(work):
        await current.wait()
        assert [(moment.name, moment.version) for moment in timeline.moments] == [("interest", 3)]
        await write(kafka, topic, event("encoder", "interest", 9))
        await later.wait()
    assert [(moment.kind, moment.version) for moment in timeline.moments] == [("head", 3), ("encoder", 9)]
