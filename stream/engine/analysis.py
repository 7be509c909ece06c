"""A batch of records becomes what they say: decoded, checked, redacted, embedded and labelled."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...inference.breaker import Breakers
from ...inference.embedder import Embedder
from ...inference.models import ModelSet, Understanding
from ...schemas.errors import BadRecordError
from ...schemas.events import UserEvent
from ...schemas.validation import Limits, validate
from ...schemas.wire import Wire
from ..profile.evidence import Evidence, ranking_key
from ..profile.layout import Layout
from ..profile.units import Observations, type_index
from ..redaction import Redactor
from .observing import Observed
from .ports import Record

EXCERPT = 80  # characters of a text that are kept as evidence
CONFIDENT = 0.3  # scores below this are evidence of nothing


@dataclass(frozen=True, slots=True)
class Analysed:
    """A batch, understood.

    Attributes:
        records: As they were read.
        users: Whose profile each good event changes, shape (e,).
        seen: The good events.
        bad: The others, each with the reason.
        models: What it was understood with.
        observed: The good events with a text, for whoever looks at the stream.
    """

    records: Sequence[Record]
    users: list[str]
    seen: Observations
    bad: list[tuple[Record, BadRecordError]]
    models: ModelSet
    observed: Observed


class Analyser:
    """Everything that needs no profile, so that several batches can be analysed at once.

    Args:
        embedder: Where texts become vectors; when it is unavailable, analysis waits.
        models: Gives the codebook and heads to use now.
        redactor: Removes personal data before anything else sees a text.
        limits: What a valid event is.
        layout: Of profiles.
        wire: How events are written; when its schema registry is unavailable, analysis waits.
        breakers: Of encoder and schema registry.
    """

    def __init__(
        self,
        embedder: Embedder,
        models: Callable[[], ModelSet],
        redactor: Redactor,
        limits: Limits,
        layout: Layout,
        wire: Wire | None = None,
        breakers: Breakers | None = None,
    ) -> None:
        self._embedder = embedder
        self._models = models
        self._redactor = redactor
        self._limits = limits
        self._half_life = layout.half_lives[-1]
        self._wire = wire or Wire()
        self._breakers = breakers or Breakers()

    async def analyse(self, records: Sequence[Record]) -> Analysed:
        """Understand a batch; bad records are set aside, never raised."""
        await self._breakers.registry.call(lambda: self._wire.prepare([record.value for record in records]))
        good: list[tuple[Record, UserEvent]] = []
        bad: list[tuple[Record, BadRecordError]] = []
        for record in records:
            try:
                good.append((record, self._decode(record)))
            except BadRecordError as error:
                bad.append((record, error))
        models = self._models()
        texts = [(row, self._redactor.redact(e.text)) for row, (_, e) in enumerate(good) if e.text and e.text.strip()]
        said = await self._understand([text for _, text in texts], models)
        seen = self._observe(good, texts, said)
        observed = Observed([good[row][1] for row, _ in texts], [text for _, text in texts], said, models)
        return Analysed(records, [event.user for _, event in good], seen, bad, models, observed)

    def _decode(self, record: Record) -> UserEvent:
        return validate(self._wire.decode(UserEvent, record.value), record.key, record.timestamp, self._limits)

    def _observe(
        self, good: list[tuple[Record, UserEvent]], texts: list[tuple[int, str]], understood: Understanding
    ) -> Observations:
        events = [event for _, event in good]
        evidence: list[tuple[Evidence, ...]] = [()] * len(events)
        if understood.scores.size:
            best = understood.scores.argmax(axis=1)
            for position, (row, text) in enumerate(texts):
                score = float(understood.scores[position, best[position]])
                if score >= CONFIDENT:
                    label = int(understood.label_ids[best[position]])
                    evidence[row] = (self._evidence(events[row], text, label, score),)
        return Observations(
            time=np.array([event.time for event in events], dtype=np.int64),
            type=np.array([type_index(event.type) for event in events], dtype=np.int64),
            text=np.array([row for row, _ in texts], dtype=np.int64),
            label_ids=understood.label_ids,
            scores=understood.scores,
            polarity=understood.polarity,
            vectors=understood.vectors,
            codes=understood.codes,
            evidence=evidence,
            ids=[id_hash(event.id) for event in events],
            partition=[str(record.partition) for record, _ in good],
            offset=[record.offset for record, _ in good],
        )

    async def _understand(self, texts: list[str], models: ModelSet) -> Understanding:
        if not texts:
            return models.understand(np.zeros((0, self._embedder.dimensions), np.float32))
        embeddings = await self._breakers.encoder.call(lambda: self._embedder.embed(texts))
        return models.understand(embeddings)

    def _evidence(self, event: UserEvent, text: str, label: int, score: float) -> Evidence:
        key = ranking_key(score, event.time, self._half_life)
        return Evidence(key, label, event.id, text[:EXCERPT], score, event.time)


def id_hash(event_id: str) -> int:
    """64 bits of an event's id."""
    return int.from_bytes(hashlib.blake2b(event_id.encode(), digest_size=8).digest(), "little")
