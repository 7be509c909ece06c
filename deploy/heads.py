"""Taking heads to the workers: the artefact into Redis, the word of it onto model-events."""

import time

from ..inference.artefacts import sha256_hex
from ..inference.heads import Head
from ..schemas.errors import ArtefactError
from ..schemas.events import ModelEvent
from ..schemas.wire import Wire
from ..stream.engine.ports import Outgoing, Sink
from ..stream.store.models import ModelStore, head_name
from .topics import MODEL_EVENTS


class RedisHeadPublisher:
    """A HeadPublisher of the learner.

    Args:
        store: Where workers read heads.
        sink: Where they hear of them.
        wire: How they are told; `ModelEvent` is registered.
        topic: Where they are told.
    """

    def __init__(self, store: ModelStore, sink: Sink, wire: Wire, topic: str = MODEL_EVENTS) -> None:
        self._store = store
        self._sink = sink
        self._wire = wire
        self._topic = topic

    async def publish(self, head: Head) -> None:
        """See HeadPublisher: first the head, then the word of it, so that nobody looks for what is not there."""
        data, name = head.to_bytes(), head_name(head.task, head.encoder)
        await self._store.put(name, data)
        event = ModelEvent(
            kind="head",
            name=head.task,
            version=head.version,
            location=name,
            sha256=sha256_hex(data),
            time=time.time_ns() // 1_000_000,
            properties={"encoder": head.encoder, "labels": str(len(head.labels))},
        )
        await self._sink.publish([Outgoing(self._topic, head.task.encode(), self._wire.encode(event))])

    async def version(self, task: str, encoder: str) -> int | None:
        """See HeadPublisher; a head that is broken in Redis counts as lost."""
        try:
            data = await self._store.get(head_name(task, encoder))
            return None if data is None else Head.from_bytes(data).version
        except ArtefactError:
            return None
