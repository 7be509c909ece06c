"""The learner on real servers: its feedback, its folder, its status."""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import psutil
import structlog
from aiokafka import AIOKafkaConsumer

from ..continual.heads.durable import HeadRegistry
from ..continual.heads.ledger import LEDGER, Ledger
from ..continual.learner import HeadLearner
from ..continual.resolver import Delivery
from ..inference.retry import until_available
from ..schemas.errors import BadRecordError, SetupError, UnavailableError
from ..schemas.events import Feedback, ModelEvent
from ..schemas.wire import Wire
from ..stream.kafka.connection import KafkaConnection
from ..stream.kafka.reader import reader
from ..stream.kafka.sink import KafkaSink
from ..stream.metrics.endpoint import Endpoint
from ..stream.metrics.metrics import Metrics
from ..stream.redaction import Redactor
from ..stream.store.drift import RedisDriftStore
from ..stream.store.models import RedisModelStore, load_models
from ..stream.store.redis import RedisStore
from ..stream.worker.status import publish_status
from . import checks, wiring
from .exams import report_exams
from .heads import RedisHeadPublisher
from .learner_figures import LearnerFigures
from .recent_texts import RecentTexts
from .settings import Settings
from .topics import FEEDBACK, MODEL_EVENTS, USER_EVENTS

HEADS = "heads"
_REPORT_SECONDS = 0.5
_POINTER_SECONDS = 2.0

log = structlog.get_logger(__name__)


async def learn(settings: Settings) -> None:
    """Learn until this is cancelled; when another encoder becomes the champion, go on with that one.

    Raises:
        SetupError: Another learner uses the same folder.
    """
    await checks.servers(settings)
    folder = wiring.learner_home(settings)
    with only_one(folder):
        figures = LearnerFigures()
        async with _endpoint(settings, figures):
            await _learn_of_champions(settings, folder, figures)


@asynccontextmanager
async def _endpoint(settings: Settings, figures: LearnerFigures) -> AsyncIterator[None]:
    metrics = Metrics()
    metrics.read_from(figures.read)
    endpoint = await Endpoint.start(metrics, host=settings.health_host, port=settings.health_port)
    log.info("health endpoint", live=f"{endpoint.address}/live", metrics=f"{endpoint.address}/metrics")
    try:
        yield
    finally:
        await endpoint.close()


async def _learn_of_champions(settings: Settings, folder: Path, figures: LearnerFigures) -> None:
    while True:
        encoder = await wiring.champion(settings)
        learning = asyncio.ensure_future(_learn(settings, folder, figures))
        moving = asyncio.ensure_future(_moved(settings, encoder))
        try:
            await asyncio.wait({learning, moving}, return_when=asyncio.FIRST_COMPLETED)
            if learning.done():
                return learning.result()
        finally:
            for task in (learning, moving):
                task.cancel()
            await asyncio.gather(learning, moving, return_exceptions=True)
        log.info("another encoder answers now: its heads are learned again from the labelled texts")


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder for as long as the block runs; the lock ends with the process, however that ends.

    Raises:
        SetupError: Another process holds it.
    """
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SetupError(
                f"Another learner uses {folder}.\nStop it first, or set PROFILESTREAM_LEARNER_HOME to another folder."
            ) from error
        yield


async def _learn(settings: Settings, folder: Path, figures: LearnerFigures) -> None:
    async with AsyncExitStack() as stack:
        store = wiring.store(settings)
        stack.push_async_callback(store.close)
        embedder = await wiring.embedder(settings)
        stack.push_async_callback(embedder.close)
        wire = wiring.wire(settings)
        stack.push_async_callback(wire.close)
        await until_available(lambda: wire.register(ModelEvent, MODEL_EVENTS), "schema registry")
        models = RedisModelStore(store.client)
        heads = (await load_models(models, embedder.model)).heads
        sink = await KafkaSink.connect(wiring.kafka(settings), idempotent=settings.kafka_idempotent)
        stack.push_async_callback(sink.close)
        ledger = Ledger(folder / LEDGER)
        stack.callback(ledger.close)
        clean = Redactor().redact
        texts = RecentTexts(clean=clean)
        learner = HeadLearner(
            embedder,
            RedisHeadPublisher(models, sink, wire),
            ledger=ledger,
            registry=HeadRegistry(folder / HEADS),
            published=heads.values(),
            texts=texts,
            clean=clean,
        )
        figures.learner = learner
        reading = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(_report(store, learner, reading))
            group.create_task(report_exams(RedisDriftStore(store.client), embedder.model, learner))
            group.create_task(texts.follow(wiring.kafka(settings), USER_EVENTS, wire))
            await learner.run(feedback(wiring.kafka(settings), wire, ledger.positions(), reading))


async def feedback(
    connection: KafkaConnection,
    wire: Wire,
    positions: Mapping[int, int],
    reading: asyncio.Event,
    topic: str = FEEDBACK,
) -> AsyncIterator[Delivery]:
    """All feedback from where the ledger ends, from the beginning where it has none; never ends.

    Args:
        connection: Where Kafka is.
        wire: How feedback is written.
        positions: For each partition the next offset.
        reading: Set when nothing that is written from now on is missed.
        topic: Where it is.
    """
    async with reader(connection, topic, start="earliest") as consumer:
        await _seek(consumer, positions)
        reading.set()
        async for record in consumer:
            await until_available(partial(wire.prepare, [record.value]), "schema registry")
            try:
                item = wire.decode(Feedback, record.value)
            except BadRecordError as error:
                log.warning("feedback left out", partition=record.partition, offset=record.offset, error=str(error))
            else:
                yield Delivery(feedback=item, partition=record.partition, offset=record.offset)


async def _seek(consumer: AIOKafkaConsumer, positions: Mapping[int, int]) -> None:
    partitions = list(consumer.assignment())
    ends = await consumer.end_offsets(partitions)
    if any(ends[partition] < positions.get(partition.partition, 0) for partition in partitions):
        log.warning("the feedback topic is shorter than what was read of it: another one, read from its beginning")
        return
    firsts = await consumer.beginning_offsets(partitions)
    for partition in partitions:
        consumer.seek(partition, max(firsts[partition], positions.get(partition.partition, 0)))


async def _moved(settings: Settings, encoder: str) -> None:
    """Wait until another encoder is the champion."""
    while True:
        await asyncio.sleep(_POINTER_SECONDS)
        try:
            if await wiring.champion(settings) != encoder:
                return
        except UnavailableError as error:
            log.debug("pointer not read", error=str(error))


async def _report(store: RedisStore, learner: HeadLearner, reading: asyncio.Event) -> None:
    process = psutil.Process()
    while True:
        said = {
            "reading": reading.is_set(),
            "memory": process.memory_info().rss,
            "tasks": learner.status(),
            **asdict(learner.counts),
        }
        try:
            await publish_status(store.client, "learner", said)
        except UnavailableError as error:
            log.debug("status not written", error=str(error))
        await asyncio.sleep(_REPORT_SECONDS)
