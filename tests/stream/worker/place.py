"""Where a worker's tests take place: topics, group and models of their own on real servers."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from structlog.testing import capture_logs

from profilestream.deploy.topics import Topic, ensure_topics
from profilestream.inference.hashing import HashEmbedder
from profilestream.inference.pool import EncoderPool
from profilestream.schemas.codec import decode_update, encode
from profilestream.schemas.events import UserEvent
from profilestream.stream.engine.engine import BatchLimits, OutputTopics
from profilestream.stream.engine.ports import Outgoing
from profilestream.stream.kafka.connection import KafkaConnection
from profilestream.stream.kafka.sink import KafkaSink
from profilestream.stream.profile.state import decode_states
from profilestream.stream.profile.table import ProfileTable
from profilestream.stream.store.models import RedisModelStore, codebook_name, head_name
from profilestream.stream.store.redis import RedisStore
from profilestream.stream.worker.options import WorkerOptions
from profilestream.stream.worker.worker import run_worker
from tests.stream.store.cluster import store_at
from tests.stream.world import LAYOUT, small_models

PARTITIONS = 4
ENCODER = "hash-v1"


@dataclass(frozen=True)
class Place:
    """A worker's surroundings.

    Attributes:
        connection: A real broker.
        redis_url: A real server.
        options: With topics and a group that nobody else uses.
    """

    connection: KafkaConnection
    redis_url: str
    options: WorkerOptions

    def store(self) -> RedisStore:
        """A new connection to the profiles."""
        return store_at(self.redis_url)

    async def prepare(self, **settings_of_updates: str) -> None:
        """Make the topics, and publish the small world's models."""
        topics = [
            Topic(name=self.options.events),
            Topic(name=self.options.outputs.updates, settings=settings_of_updates),
            Topic(name=self.options.outputs.dead_letters),
            Topic(name=self.options.model_events, partitions=1),
        ]
        await ensure_topics(self.connection, PARTITIONS, topics=topics)
        await self.publish_models()

    async def publish_models(self) -> None:
        """Put codebook and heads where workers look for them."""
        store = self.store()
        models, target = small_models(HashEmbedder()), RedisModelStore(store.client)
        await target.put(codebook_name(ENCODER), models.codebook.to_bytes())
        for task, head in models.heads.items():
            await target.put(head_name(task, ENCODER), head.to_bytes())
        await store.close()

    async def send(self, *events: UserEvent) -> None:
        """As a producer would."""
        await self.send_raw(*[(event.user.encode(), encode(event)) for event in events])

    async def send_raw(self, *messages: tuple[bytes | None, bytes | None], topic: str | None = None) -> None:
        """Any bytes."""
        sink = await KafkaSink.connect(self.connection)
        await sink.publish([Outgoing(topic or self.options.events, key, value) for key, value in messages])
        await sink.close()

    async def profiles(self, *users: str) -> ProfileTable:
        """The stored profiles, in the order of the users; a row without events where there is none."""
        store = self.store()
        stored = await store.load(users)
        await store.close()
        return decode_states([value and value.state for value in stored], LAYOUT, ENCODER)

    async def counts(self, *users: str) -> list[int]:
        """How many events are in each user's profile."""
        counts: list[int] = (await self.profiles(*users)).events.tolist()
        return counts

    async def messages(self, topic: str) -> list[ConsumerRecord]:
        """Everything that is in a topic now, partition by partition."""
        consumer = AIOKafkaConsumer(**self.connection.client_options(), auto_offset_reset="earliest")
        await consumer.start()
        try:
            partitions = [TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic) or range(4))]
            consumer.assign(partitions)
            records: dict[TopicPartition, list[ConsumerRecord]] = defaultdict(list)
            async with asyncio.timeout(30):
                for partition in partitions:
                    end = (await consumer.end_offsets([partition]))[partition]
                    while await consumer.position(partition) < end:
                        for found, batch in (await consumer.getmany(timeout_ms=100)).items():
                            records[found] += batch
            return [record for partition in partitions for record in records[partition]]
        finally:
            await consumer.stop()

    async def revisions(self) -> dict[str, list[int]]:
        """For each user the revisions that a consumer of profile-updates sees, in order."""
        seen: dict[str, list[int]] = defaultdict(list)
        for record in await self.messages(self.options.outputs.updates):
            seen[record.key.decode()].append(decode_update(record.value).revision)
        return dict(seen)

    async def committed(self) -> int:
        """The sum of the group's committed offsets."""
        consumer = AIOKafkaConsumer(
            **self.connection.client_options(), group_id=self.options.group, enable_auto_commit=False
        )
        await consumer.start()
        try:
            return sum(
                [await consumer.committed(TopicPartition(self.options.events, n)) or 0 for n in range(PARTITIONS)]
            )
        finally:
            await consumer.stop()


def make_place(bootstrap: str, redis_url: str, unique: Callable[[str], str]) -> Place:
    """Names of its own, and a group that forms quickly."""
    options = WorkerOptions(
        group=unique("group"),
        model=ENCODER,
        events=unique("events"),
        model_events=unique("models"),
        outputs=OutputTopics(updates=unique("updates"), dead_letters=unique("dead")),
        batches=BatchLimits(events=16, seconds=0.01, in_flight=3),
        layout=LAYOUT,
        session_timeout=6.0,
        rebalance_timeout=3.0,
        shutdown_seconds=5.0,
    )
    return Place(KafkaConnection(bootstrap=bootstrap), redis_url, options)


@dataclass
class Worker:
    """A worker that runs in this process.

    Attributes:
        embedder: Its encoder, to make it fail or hang.
        task: What `run_worker` returns or raises.
    """

    embedder: HashEmbedder
    task: "asyncio.Task[None]"
    _stop: asyncio.Event

    async def leave(self) -> None:
        """Stop it as SIGTERM does."""
        self._stop.set()
        await self.task

    async def stop(self) -> dict[str, int]:
        """Stop it as SIGTERM does; what it says that it did."""
        with capture_logs() as logs:
            await self.leave()
        said = next(entry for entry in logs if entry["event"] == "worker stopped")
        return {"applied": said["applied"], "skipped": said["skipped"]}


@asynccontextmanager
async def working(place: Place, embedder: HashEmbedder | None = None, **changes: object) -> AsyncIterator[Worker]:
    """A worker, for as long as the block runs or until it is stopped."""
    embedder, stop = HashEmbedder() if embedder is None else embedder, asyncio.Event()
    options = replace(place.options, **changes)
    task = asyncio.create_task(
        run_worker(
            options, connection=place.connection, store=place.store(), encoders=EncoderPool.of(embedder), stop=stop
        )
    )
    try:
        yield Worker(embedder, task, stop)
    finally:
        stop.set()
        await asyncio.wait([task], timeout=30)
        task.cancel()  # a test must not hang because its worker does
        await asyncio.wait([task], timeout=30)


async def until(condition: Callable[[], Awaitable[bool]], worker: Worker | None = None, seconds: float = 60.0) -> None:
    """Wait until something is true; the worker's error, should it end before.

    Raises:
        TimeoutError: It did not become true.
    """
    async with asyncio.timeout(seconds):
        while not await condition():
            if worker and worker.task.done():
                worker.task.result()
                raise AssertionError("the worker ended")
            await asyncio.sleep(0.05)
