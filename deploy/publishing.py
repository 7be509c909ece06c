"""Publishing with the real parts: Triton or its twin, Redis, `model-events`, and the texts of the live stream."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from ..continual.publish.canary import CanaryLimits
from ..continual.publish.ports import ModelServer
from ..continual.publish.publisher import Publisher, PublishOptions
from ..continual.publish.registry import ModelRegistry
from ..inference.control import LocalModels, TritonModels
from ..inference.pool import Served
from ..inference.retry import until_available
from ..schemas.errors import BadRecordError
from ..schemas.events import ModelEvent, UserEvent
from ..schemas.wire import Wire
from ..stream.engine.ports import Outgoing, Sink
from ..stream.kafka.connection import KafkaConnection
from ..stream.kafka.reader import follow
from ..stream.kafka.sink import KafkaSink
from ..stream.redaction import Redactor
from ..stream.store.models import RedisModelStore
from ..stream.store.redis import RedisStore
from ..stream.worker.status import read_statuses
from . import wiring
from .settings import Settings
from .topics import MODEL_EVENTS

_BATCH = 32


def registry(settings: Settings) -> ModelRegistry:
    """The registry of encoders, beside their repository."""
    return ModelRegistry(wiring.home(settings) / "registry")


class KafkaAnnouncer:
    """An Announcer that connects when there is something to tell: going back must not wait for a broker.

    Args:
        connection: Where Kafka is.
        wire: How events are written.
        idempotent: See `KafkaSink.connect`.
    """

    def __init__(self, connection: KafkaConnection, wire: Wire, idempotent: bool | None) -> None:
        self._connection = connection
        self._wire = wire
        self._idempotent = idempotent
        self._sink: KafkaSink | None = None

    async def announce(self, event: ModelEvent) -> None:
        """See Announcer."""
        if self._sink is None:
            await self._wire.register(ModelEvent, MODEL_EVENTS)
            self._sink = await KafkaSink.connect(self._connection, idempotent=self._idempotent)
        await announce(self._sink, self._wire, event)

    async def close(self) -> None:
        """Release the connections."""
        if self._sink is not None:
            await self._sink.close()
        await self._wire.close()


async def announce(sink: Sink, wire: Wire, event: ModelEvent) -> None:
    """Write one model event, keyed by the model."""
    await sink.publish([Outgoing(MODEL_EVENTS, event.name.encode(), wire.encode(event))])


@asynccontextmanager
async def publisher(settings: Settings, options: PublishOptions | None = None) -> AsyncIterator[Publisher]:
    """A publisher for this deployment, with connections of its own."""
    async with AsyncExitStack() as stack:
        store = wiring.store(settings)
        stack.push_async_callback(store.close)
        announcer = KafkaAnnouncer(wiring.kafka(settings), wiring.wire(settings), settings.kafka_idempotent)
        stack.push_async_callback(announcer.close)
        folder = wiring.repository(settings)
        publisher = Publisher(
            registry=registry(settings),
            repository=folder,
            server=_server(settings, folder),
            store=RedisModelStore(store.client),
            announcer=announcer,
            base=settings.model,
            options=options or _options(settings),
        )
        stack.push_async_callback(publisher.close)
        yield publisher


async def resume(settings: Settings) -> None:
    """Make Redis and the server what the registry says, where anything was ever published.

    Raises:
        UnavailableError: One of them does not answer.
    """
    if registry(settings).book().champion is not None:
        async with publisher(settings) as publishing:
            await publishing.resume()


async def served(store: RedisStore) -> dict[str, Served]:
    """What all workers together asked of each model, since each of them opened it."""
    sums: dict[str, Counter[str]] = {}
    for status in (await read_statuses(store.client)).values():
        for model, counts in status.get("served", {}).items():
            sums.setdefault(model, Counter()).update(counts)
    return {
        model: Served(
            calls=int(total["calls"]),
            texts=int(total["texts"]),
            failures=int(total["failures"]),
            seconds=float(total["seconds"]),
        )
        for model, total in sums.items()
    }


async def live_texts(
    connection: KafkaConnection, topic: str, wire: Wire, *, most: int, seconds: float, spare: Sequence[str] = ()
) -> AsyncIterator[list[str]]:
    """Batches of texts that users write now, redacted as in a worker.

    Args:
        connection: Where Kafka is.
        topic: Of user events.
        wire: How they are written.
        most: So many texts are enough.
        seconds: So long is waited for them.
        spare: Texts to go on with when the stream was too quiet.
    """
    redactor, left = Redactor(), most
    async for batch in _batches(_texts(connection, topic, wire), seconds):
        texts = [redactor.redact(text) for text in batch[:left]]
        left -= len(texts)
        yield texts
        if not left:
            return
    rest = list(spare[:left])
    for at in range(0, len(rest), _BATCH):
        yield rest[at : at + _BATCH]


async def _texts(connection: KafkaConnection, topic: str, wire: Wire) -> AsyncIterator[str]:
    async for record in follow(connection, topic, start="latest"):
        await until_available(partial(wire.prepare, [record.value]), "schema registry")
        try:
            event = wire.decode(UserEvent, record.value)
        except BadRecordError:  # the workers say so
            continue
        if event.text and event.text.strip():
            yield event.text


async def _batches(texts: AsyncIterator[str], seconds: float) -> AsyncIterator[list[str]]:
    """Texts in batches, until `seconds` are over or the texts end."""
    queue: asyncio.Queue[str | None] = asyncio.Queue(maxsize=4 * _BATCH)
    filling = asyncio.create_task(_fill(queue, texts))
    deadline = asyncio.get_running_loop().time() + seconds
    try:
        while first := await _first(queue, deadline):
            batch = [first]
            while len(batch) < _BATCH and not queue.empty() and (text := queue.get_nowait()):
                batch.append(text)
            yield batch
    finally:
        filling.cancel()
        await asyncio.wait([filling])
    if not filling.cancelled():
        filling.result()  # why there were no more


async def _fill(queue: "asyncio.Queue[str | None]", texts: AsyncIterator[str]) -> None:
    try:
        async for text in texts:
            await queue.put(text)
    finally:
        if not queue.full():
            queue.put_nowait(None)


async def _first(queue: "asyncio.Queue[str | None]", deadline: float) -> str | None:
    try:
        async with asyncio.timeout_at(deadline):
            return await queue.get()
    except TimeoutError:
        return None


def _options(settings: Settings) -> PublishOptions:
    limits = CanaryLimits(share=settings.canary_share, seconds=settings.canary_seconds)
    return PublishOptions(canary=limits, kept=settings.models_kept)


def _server(settings: Settings, repository: Path) -> ModelServer:
    return TritonModels(settings.triton_url) if settings.triton_url else LocalModels(repository)
