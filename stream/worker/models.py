"""The models in use, kept up to date: a head that is published works in every worker within seconds."""

from dataclasses import replace
from functools import partial

import structlog

from ...inference.heads import Head
from ...inference.models import ModelSet
from ...inference.retry import until_available
from ...schemas.errors import ArtefactError, BadRecordError
from ...schemas.events import ModelEvent
from ...schemas.wire import Wire
from ..kafka.connection import KafkaConnection
from ..kafka.reader import reader
from ..store.models import ModelStore, load_models, load_ways

log = structlog.get_logger(__name__)


class CurrentModels:
    """Holds the snapshot that the next batch is understood with."""

    def __init__(self, store: ModelStore, encoder: str) -> None:
        self._store = store
        self._encoder = encoder
        self._models: ModelSet | None = None

    def __call__(self) -> ModelSet:
        """The snapshot.

        Raises:
            ArtefactError: `load` was not awaited.
        """
        if self._models is None:
            raise ArtefactError("models were not loaded")
        return self._models

    async def load(self) -> None:
        """Read everything from the store.

        Raises:
            ArtefactError: Something is missing or broken.
        """
        self._models = await until_available(lambda: load_models(self._store, self._encoder), "store")

    async def take(self, event: ModelEvent) -> None:
        """A model was published: use it, unless it is broken or older than what is in use."""
        if event.kind == "map":
            await self._take_ways()
        if event.kind != "head":
            return
        try:
            head = await self._read(event.location)
            current = self().heads.get(head.task)
            if current and head.version <= current.version:
                return
            self._models = self().with_head(head)
        except ArtefactError as error:
            log.error("published head refused, the old one stays", head=event.name, error=str(error))  # noqa: TRY400
        else:
            log.info("new head in use", head=head.task, version=head.version, labels=len(head.labels))

    async def _take_ways(self) -> None:
        ways = await until_available(lambda: load_ways(self._store, self._encoder), "store")
        self._models = replace(self(), ways=ways)
        log.info("stored vectors of other encoders can be carried over", encoders=sorted(ways))

    async def _read(self, location: str) -> Head:
        data = await until_available(lambda: self._store.get(location), "store")
        if data is None:
            raise ArtefactError(f"{location} is not in Redis")
        return Head.from_bytes(data)


async def follow_model_events(connection: KafkaConnection, topic: str, models: CurrentModels, wire: Wire) -> None:
    """Load the models, then take each published one; ends when it is cancelled."""
    async with reader(connection, topic, start="latest") as consumer:
        # Where to read from is known before the store is read, so nothing published in between is missed.
        await models.load()
        async for message in consumer:
            await until_available(partial(wire.prepare, [message.value]), "schema registry")
            try:
                await models.take(wire.decode(ModelEvent, message.value))
            except BadRecordError as error:
                log.warning("model event ignored", error=str(error))
