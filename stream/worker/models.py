"""The models in use, kept up to date: what is published works in every worker within seconds, without a restart.

Which encoder answers is said by one key of the store, the pointer; an event on `model-events` only makes us look at it
sooner. A new encoder comes into use whole, with its codebook, its heads and its maps, or not at all.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import structlog

from ...inference.heads import Head
from ...inference.models import ModelSet
from ...inference.pointer import POINTER, Pointer
from ...inference.pool import EncoderPool
from ...inference.retry import until_available
from ...inference.serving import Serving
from ...inference.spaces import Way
from ...schemas.errors import ArtefactError, BadRecordError, ConfigurationError, InferenceUnavailableError
from ...schemas.events import ModelEvent
from ...schemas.wire import Wire
from ..kafka.connection import KafkaConnection
from ..kafka.reader import reader
from ..store.models import ModelStore, load_models, load_release, load_ways

POLL_SECONDS = 0.5  # between looks at the pointer: going back must not wait for a broker

log = structlog.get_logger(__name__)


class CurrentModels:
    """Holds the snapshot that the next batch is understood with.

    Args:
        store: Where models are.
        encoder: The one to use while no pointer says another.
        encoders: Opens an encoder before it is used; None for whoever only reads what encoders made.
    """

    def __init__(self, store: ModelStore, encoder: str, encoders: EncoderPool | None = None) -> None:
        self._store = store
        self._encoder = encoder
        self._encoders = encoders
        self._serving: Serving | None = None
        self._followed: Pointer | None = None
        self._said = ""

    def __call__(self) -> ModelSet:
        """The champion's models.

        Raises:
            ArtefactError: `load` was not awaited.
        """
        return self.serving().champion

    def serving(self) -> Serving:
        """The snapshot: whose models answer for whom.

        Raises:
            ArtefactError: `load` was not awaited.
        """
        if self._serving is None:
            raise ArtefactError("models were not loaded")
        return self._serving

    async def load(self) -> None:
        """Read everything from the store, and open the encoder.

        Raises:
            ArtefactError: Something is missing or broken.
            InferenceUnavailableError: The encoder does not answer.
        """
        pointer = await self._pointer()
        champion = await until_available(lambda: load_models(self._store, pointer.champion), "store")
        if self._encoders:
            await self._encoders.open(champion.encoder)
        self._serving = Serving(champion)
        self._followed = replace(pointer, canary=None, share=0.0)
        await self.follow()

    async def follow(self) -> None:
        """Go where the pointer points, if it moved; stay with what is in use where that cannot be done yet."""
        try:
            pointer = await self._pointer()
            if self._followed and _same(pointer, self._followed):
                return
            await self._turn(pointer)
        except (ArtefactError, ConfigurationError, InferenceUnavailableError) as error:
            self._say_once("cannot follow the pointer, the old models stay", error)

    async def take(self, event: ModelEvent) -> None:
        """Something was published: use it, unless it is broken or older than what is in use."""
        if event.kind == "encoder":
            await self.follow()
        elif event.kind == "map":
            await self._take_ways()
        elif event.kind == "head":
            await self._take_head(event)

    async def _pointer(self) -> Pointer:
        data = await until_available(lambda: self._store.get(POINTER), "store")
        return Pointer(0, self._encoder) if data is None else Pointer.from_bytes(data)

    async def _turn(self, pointer: Pointer) -> None:
        """Load and open all that is new, then swap; batches that began before finish with what they had."""
        champion = await self._release(pointer.champion)
        candidate = None
        if pointer.canary is not None:
            try:
                candidate = await self._release(pointer.canary)
            except (ArtefactError, ConfigurationError, InferenceUnavailableError) as error:
                self._say_once("the canary cannot be used, the champion answers for it", error)
        self._serving = Serving(champion, candidate, pointer.share if candidate else 0.0)
        if candidate is not None or pointer.canary is None:  # otherwise we try again with the next look
            self._followed, self._said = pointer, ""
        if self._encoders:
            await self._encoders.keep(self._serving.encoders)
        log.info("models in use", champion=champion.encoder, canary=candidate and candidate.encoder)

    async def _release(self, encoder: str) -> ModelSet:
        models = await until_available(lambda: load_release(self._store, encoder), "store")
        if self._encoders:
            await self._encoders.open(encoder)
        return models

    def _say_once(self, what: str, error: Exception) -> None:
        """We look every few seconds: what was said is not said again."""
        if str(error) != self._said:
            log.error(what, error=str(error))
            self._said = str(error)

    async def _take_head(self, event: ModelEvent) -> None:
        try:
            head = await self._read(event.location)
            self._change(lambda models: _newer(models, head))
        except ArtefactError as error:
            log.error("published head refused, the old one stays", head=event.name, error=str(error))  # noqa: TRY400
        else:
            log.info("new head in use", head=head.task, version=head.version, labels=len(head.labels))

    async def _take_ways(self) -> None:
        for encoder in self.serving().encoders:
            ways = await until_available(partial(load_ways, self._store, encoder), "store")
            self._change(partial(_with_ways, encoder, ways))
            log.info("stored vectors of other encoders can be carried over", encoder=encoder, others=sorted(ways))

    def _change(self, how: Callable[[ModelSet], ModelSet]) -> None:
        now = self.serving()
        candidate = None if now.candidate is None else how(now.candidate)
        self._serving = replace(now, champion=how(now.champion), candidate=candidate)

    async def _read(self, location: str) -> Head:
        data = await until_available(lambda: self._store.get(location), "store")
        if data is None:
            raise ArtefactError(f"{location} is not in Redis")
        return Head.from_bytes(data)


def _same(pointer: Pointer, other: Pointer) -> bool:
    """Whether both say the same, whatever else happened in the registry."""
    return replace(pointer, generation=0) == replace(other, generation=0)


def _newer(models: ModelSet, head: Head) -> ModelSet:
    current = models.heads.get(head.task)
    if head.encoder != models.encoder or (current and head.version <= current.version):
        return models
    return models.with_head(head)


def _with_ways(encoder: str, ways: Mapping[str, Way], models: ModelSet) -> ModelSet:
    return replace(models, ways=ways) if models.encoder == encoder else models


async def follow_pointer(models: CurrentModels) -> None:
    """Look at the pointer again and again, as an event may be missed; ends when it is cancelled."""
    while True:
        await asyncio.sleep(POLL_SECONDS)
        await models.follow()


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
