"""`profilestream learn`: heads from feedback, while the stream runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import asdict
from functools import partial

import structlog
import typer

from ...continual.learner import HeadLearner
from ...inference.retry import until_available
from ...schemas.errors import BadRecordError, UnavailableError
from ...schemas.events import Feedback, ModelEvent
from ...schemas.wire import Wire
from ...stream.kafka.connection import KafkaConnection
from ...stream.kafka.reader import follow
from ...stream.kafka.sink import KafkaSink
from ...stream.store.models import RedisModelStore, load_models
from ...stream.store.redis import RedisStore
from ...stream.worker.status import publish_status
from .. import checks, wiring
from ..heads import RedisHeadPublisher
from ..settings import Settings
from ..topics import FEEDBACK, MODEL_EVENTS
from .running import run_until_signal, unless_stopped

log = structlog.get_logger(__name__)


app = typer.Typer(invoke_without_command=True)


@app.callback()
def command(context: typer.Context) -> None:
    """Learn heads from the feedback topic, from its beginning on, and publish them to the workers."""
    if context.invoked_subcommand:
        return
    settings: Settings = context.obj

    async def job(stop: asyncio.Event) -> None:
        await unless_stopped(stop, _learn(settings))

    run_until_signal(job, settings.shutdown_seconds)


async def _learn(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        await checks.servers(settings)
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
        learner = HeadLearner(embedder, RedisHeadPublisher(models, sink, wire), published=heads.values())
        reading = asyncio.Event()
        reporting = asyncio.create_task(_report(store, learner, reading))
        stack.callback(reporting.cancel)
        await learner.run(_feedback(wiring.kafka(settings), wire, reading))


async def _feedback(connection: KafkaConnection, wire: Wire, reading: asyncio.Event) -> AsyncIterator[Feedback]:
    """All feedback from the beginning: sums do not depend on order, so reading it again gives the same heads."""
    async for record in follow(connection, FEEDBACK, start="earliest", ready=reading.set):
        await until_available(partial(wire.prepare, [record.value]), "schema registry")
        try:
            yield wire.decode(Feedback, record.value)
        except BadRecordError as error:
            log.warning("feedback left out", partition=record.partition, offset=record.offset, error=str(error))


async def _report(store: RedisStore, learner: HeadLearner, reading: asyncio.Event) -> None:
    while True:
        try:
            await publish_status(store.client, "learner", {"reading": reading.is_set(), **asdict(learner.counts)})
        except UnavailableError as error:
            log.debug("status not written", error=str(error))
        await asyncio.sleep(0.5)
