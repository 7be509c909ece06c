"""A small world for the engine's tests: events, models and an engine over any log and store."""

from dataclasses import dataclass, field

import numpy as np

from profilestream.inference.breaker import Breakers
from profilestream.inference.codebook import Codebook
from profilestream.inference.embedder import Embedder
from profilestream.inference.hashing import HashEmbedder
from profilestream.inference.heads import Head
from profilestream.inference.models import ModelSet
from profilestream.inference.serving import Serving
from profilestream.schemas.codec import encode
from profilestream.schemas.events import UserEvent
from profilestream.schemas.validation import Limits
from profilestream.stream.engine.analysis import Analyser
from profilestream.stream.engine.apply import Applier
from profilestream.stream.engine.engine import BatchLimits, Engine
from profilestream.stream.engine.memory import MemoryLog, MemorySink, MemorySource
from profilestream.stream.engine.ports import Sink, Source
from profilestream.stream.profile.layout import Layout
from profilestream.stream.redaction import Redactor
from profilestream.stream.store.base import ProfileStore
from profilestream.stream.store.memory import MemoryStore

NOW = 1_700_000_000_000
LAYOUT = Layout(dimensions=8)


def event(number: int, user: str = "ada", **changes: object) -> UserEvent:
    """A valid event."""
    values = {
        "id": f"e{number}",
        "user": user,
        "type": "message",
        "time": NOW + number,
        "text": f"word{number % 5} cat",
    }
    return UserEvent(**{**values, **changes})  # type: ignore[arg-type]


def small_models(embedder: Embedder) -> ModelSet:
    """A codebook and two heads that any embedder can be used with."""
    rng = np.random.default_rng(0)
    d = embedder.dimensions

    def rows(count: int) -> np.ndarray:
        drawn = rng.normal(size=(count, d)).astype(np.float32)
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

    projection = np.linalg.qr(rng.normal(size=(d, 8)))[0].T.astype(np.float32)
    models = ModelSet(Codebook(encoder=embedder.model, seed=0, codes=rows(16), projection=projection))
    for task, labels in (("interest", ("cats", "dogs")), ("sentiment", ("polarity",))):
        weights = rows(len(labels)) * 5
        models = models.with_head(
            Head(
                task=task,
                version=1,
                encoder=embedder.model,
                labels=labels,
                weights=weights,
                bias=np.zeros(len(labels), np.float32),
            )
        )
    return models


@dataclass
class World:
    """An engine's surroundings; the twins unless something else is put in their place."""

    log: MemoryLog = field(default_factory=MemoryLog)
    store: ProfileStore = field(default_factory=MemoryStore)
    embedder: HashEmbedder = field(default_factory=HashEmbedder)
    limits: Limits = field(default_factory=Limits)
    models: ModelSet | None = None

    def engine(
        self,
        source: Source | None = None,
        sink: Sink | None = None,
        batch: int = 16,
        breakers: Breakers | None = None,
        seconds: float = 0.0,
    ) -> Engine:
        """An engine that ends at the end of the log, unless another source is given."""
        models, shared = self.models or small_models(self.embedder), breakers or Breakers()
        return Engine(
            source=source or MemorySource(self.log, "user-events"),
            sink=sink or MemorySink(self.log),
            analyser=Analyser(
                lambda _: self.embedder, lambda: Serving(models), Redactor(), self.limits, LAYOUT, breakers=shared
            ),
            applier=Applier(self.store, LAYOUT, shared),
            store=self.store,
            limits=BatchLimits(events=batch, seconds=seconds, in_flight=3),
            breakers=shared,
        )

    def send(self, *events: UserEvent) -> None:
        """Write events as a producer would."""
        for sent in events:
            self.log.append("user-events", sent.user.encode(), encode(sent), timestamp=sent.time)
