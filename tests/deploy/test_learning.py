"""From a label on a real broker to a changed prediction in a worker's models, through a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from profilestream.continual.heads.durable import HeadRegistry
from profilestream.continual.heads.ledger import Ledger
from profilestream.continual.learner import HeadLearner, LearnerOptions
from profilestream.deploy.heads import RedisHeadPublisher
from profilestream.deploy.learning import feedback, only_one
from profilestream.deploy.recent_texts import RecentTexts
from profilestream.deploy.topics import Topic, ensure_topics
from profilestream.inference.hashing import HashEmbedder
from profilestream.schemas.codec import encode
from profilestream.schemas.errors import SetupError
from profilestream.schemas.events import Feedback, ModelEvent, UserEvent
from profilestream.schemas.wire import Wire
from profilestream.stream.engine.ports import Outgoing
from profilestream.stream.kafka.connection import KafkaConnection
from profilestream.stream.kafka.sink import KafkaSink
from profilestream.stream.store.models import RedisModelStore, codebook_name, head_name
from profilestream.stream.store.redis import RedisStore
from profilestream.stream.worker.models import CurrentModels, follow_model_events
from tests.stream.world import small_models

PATIENCE = 60.0
KNOWN = [("my cat purrs", "cats"), ("the dog barks", "dogs")] * 20
CHESS = [("the queen takes the bishop", "chess"), ("checkmate with a queen", "chess"), ("my bishop and rook", "chess")]


class Watched(CurrentModels):
    """A worker's models, with an event for whoever waits for a change."""

    changed: asyncio.Event

    async def take(self, event: ModelEvent) -> None:
        """Take it, and say so."""
        await super().take(event)
        self.changed.set()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for the change after which it is true."""
        async with asyncio.timeout(PATIENCE):
            while not true():
                self.changed.clear()
                await self.changed.wait()


class Place:
    """A learner and a worker's models on real servers, with topics of their own.

    Attributes:
        models: The worker's.
        embedder: Of both.
    """

    def __init__(self, kafka: str, redis_url: str, folder: Path, unique: Callable[[str], str]) -> None:
        self.connection = KafkaConnection(bootstrap=kafka)
        self.store = RedisStore.connect(redis_url)
        self.embedder = HashEmbedder()
        self.folder = folder
        self.feedback, self.events, self.told = unique("feedback"), unique("events"), unique("models")
        self.shelf = RedisModelStore(self.store.client)
        self.models = Watched(self.shelf, self.embedder.model)
        self.models.changed = asyncio.Event()
        self.sent = 0

    async def prepare(self) -> None:
        """Topics, a codebook, and a worker that has loaded what there is."""
        topics = [Topic(name=self.feedback), Topic(name=self.events), Topic(name=self.told, partitions=1)]
        await ensure_topics(self.connection, 2, topics=topics)
        await self.shelve_codebook()
        await self.models.load()

    async def shelve_codebook(self) -> None:
        """Put it into Redis."""
        codebook = small_models(self.embedder).codebook
        await self.shelf.put(codebook_name(self.embedder.model), codebook.to_bytes())

    async def teach(self, labelled: list[tuple[str, str]]) -> None:
        """Send feedback."""
        items = []
        for text, label in labelled:
            self.sent += 1
            items.append(Feedback(id=f"f{self.sent}", user="ada", task="interest", label=label, time=0, text=text))
        await self._send(self.feedback, items)

    async def _send(self, topic: str, records: "list[Feedback] | list[UserEvent]") -> None:
        sink = await KafkaSink.connect(self.connection)
        await sink.publish([Outgoing(topic, b"ada", encode(record)) for record in records])
        await sink.close()

    async def learn(self) -> None:
        """As `profilestream learn` does, until it is cancelled."""
        ledger = Ledger(self.folder / "ledger.sqlite")
        sink = await KafkaSink.connect(self.connection)
        texts = RecentTexts()
        wire = Wire()
        learner = HeadLearner(
            self.embedder,
            RedisHeadPublisher(self.shelf, sink, wire, self.told),
            tasks=("interest",),
            ledger=ledger,
            registry=HeadRegistry(self.folder / "heads"),
            texts=texts,
            options=LearnerOptions(look=0.2),
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(texts.follow(self.connection, self.events, wire))
                positions = ledger.positions()
                await learner.run(feedback(self.connection, wire, positions, asyncio.Event(), self.feedback))
        finally:
            await sink.close()
            ledger.close()

    async def says(self, text: str) -> str | None:
        """What the worker's head in use makes of a text."""
        head = self.models().heads["interest"]
        told = int(head.predict(await self.embedder.embed([text]))[0])
        return head.labels[told] if told >= 0 else None

    def knows(self, label: str) -> bool:
        """Whether the worker's head has a label."""
        head = self.models().heads.get("interest")
        return head is not None and label in head.labels


@pytest.fixture
async def place(kafka: str, redis_url: str, tmp_path: Path, unique: Callable[[str], str]) -> AsyncIterator[Place]:
    """On real servers."""
    there = Place(kafka, redis_url, tmp_path, unique)
    await there.prepare()
    yield there
    await there.store.close()


@asynccontextmanager
async def running(*work) -> AsyncIterator[None]:
    """Tasks beside the block; their errors are raised."""
    tasks = [asyncio.ensure_future(task) for task in work]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_three_texts_of_a_new_label_change_what_workers_say(place: Place) -> None:
    """Through feedback, learner, Redis and model-events, without another encoder; and again after Redis lost all."""
    following = follow_model_events(place.connection, place.told, place.models, Wire())
    async with running(following, place.learn()):
        await place.teach(KNOWN)
        await place.models.until(lambda: place.knows("dogs"))
        before = await place.says("a queen and a bishop")
        await place.teach(CHESS)
        await place.models.until(lambda: place.knows("chess"))
        assert before != "chess"
        head = place.models().heads["interest"]
        scores = head.scores(await place.embedder.embed(["a queen and a bishop"]))[0]
        assert head.labels[int(scores.argmax())] == "chess"
        labels = head.labels
        await place.store.client.flushall()
        await place.shelve_codebook()
        name = head_name("interest", place.embedder.model)
        async with asyncio.timeout(PATIENCE):
            while True:
                place.models.changed.clear()
                if await place.shelf.get(name) is not None:
                    break
                await place.models.changed.wait()
        assert place.models().heads["interest"].labels == labels


@pytest.mark.parametrize("kafka", ["embedded_kafka"], indirect=True, scope="session")  # the broker plays no part in it
async def test_a_learner_that_is_started_again_reads_nothing_twice(place: Place) -> None:
    """Its ledger says where to go on, and what was learned before is in the next head."""
    following = follow_model_events(place.connection, place.told, place.models, Wire())
    async with running(following):
        async with running(place.learn()):
            await place.teach(KNOWN)
            await place.models.until(lambda: place.knows("dogs"))
        embedded = len(place.embedder.embedded)
        async with running(place.learn()):
            await place.teach(CHESS)
            await place.models.until(lambda: place.knows("chess"))
        assert sorted(place.embedder.embedded[embedded:]) == sorted(text for text, _ in CHESS)
        assert await place.says("my cat purrs") == "cats"


def test_two_learners_do_not_share_a_folder(tmp_path: Path) -> None:
    """The second is told what to do; when the first has ended, the folder is free."""
    with only_one(tmp_path), pytest.raises(SetupError, match="Another learner"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass
