"""A batch of records becomes what they say: decoded, checked, redacted, embedded and labelled."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import structlog

from ...inference.breaker import Breakers
from ...inference.embedder import Embedder
from ...inference.models import ModelSet, Understanding
from ...inference.serving import Serving
from ...schemas.errors import BadRecordError, ConfigurationError, InferenceUnavailableError
from ...schemas.events import UserEvent
from ...schemas.quick import ReadEvent, read_plain
from ...schemas.validation import Limits, validate
from ...schemas.wire import Wire
from ..profile.evidence import Evidence, ranking_key
from ..profile.layout import Layout
from ..profile.units import Observations, type_index
from ..redaction import Redactor
from .observing import Observed
from .ports import Record
from .timings import Timings

log = structlog.get_logger(__name__)

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
        tried: What a candidate was tried on: events of other users, not among those above.
    """

    records: Sequence[Record]
    users: list[str]
    seen: Observations
    bad: list[tuple[Record, BadRecordError]]
    models: ModelSet
    observed: Observed
    tried: "Analysed | None" = None

    @property
    def parts(self) -> "tuple[Analysed, ...]":
        """This, and what a candidate was tried on; no user is in both."""
        return (self,) if self.tried is None else (self, self.tried)


class Analyser:
    """Everything that needs no profile, so that several batches can be analysed at once.

    Args:
        encoders: Gives the embedder of a model; when the champion's is unavailable, analysis waits.
        serving: Gives the models to use now.
        redactor: Removes personal data before anything else sees a text.
        limits: What a valid event is.
        layout: Of profiles.
        wire: How events are written; when its schema registry is unavailable, analysis waits.
        breakers: Of encoder and schema registry.
        timings: Told how long each batch took.
    """

    def __init__(
        self,
        encoders: Callable[[str], Embedder],
        serving: Callable[[], Serving],
        redactor: Redactor,
        limits: Limits,
        layout: Layout,
        wire: Wire | None = None,
        breakers: Breakers | None = None,
        timings: Timings | None = None,
    ) -> None:
        self._encoders = encoders
        self._serving = serving
        self._redactor = redactor
        self._limits = limits
        self._half_life = layout.half_lives[-1]
        self._wire = wire or Wire()
        self._breakers = breakers or Breakers()
        self._timings = timings or Timings()

    async def analyse(self, records: Sequence[Record]) -> Analysed:
        """Understand a batch; bad records are set aside, never raised."""
        await self._breakers.registry.call(lambda: self._wire.prepare([record.value for record in records]))
        good: list[tuple[Record, ReadEvent]] = []
        bad: list[tuple[Record, BadRecordError]] = []
        with self._timings.stage("decode"):
            for record in records:
                try:
                    good.append((record, self._decode(record)))
                except BadRecordError as error:
                    bad.append((record, error))
        serving = self._serving()
        chosen = [pair for pair in good if serving.tries(pair[1].user)] if serving.candidate else []
        if not chosen:
            return await self._part(records, good, bad, self._understand)
        rest = [pair for pair in good if not serving.tries(pair[1].user)]
        whole, tried = await asyncio.gather(
            self._part(records, rest, bad, self._understand), self._part([], chosen, [], self._try)
        )
        return replace(whole, tried=tried)

    async def _part(
        self,
        records: Sequence[Record],
        good: list[tuple[Record, ReadEvent]],
        bad: list[tuple[Record, BadRecordError]],
        understand: Callable[[list[str]], Awaitable[tuple[Understanding, ModelSet]]],
    ) -> Analysed:
        spoken = [(row, event.text) for row, (_, event) in enumerate(good) if event.text and event.text.strip()]
        # What many say alike (searches, titles, greetings) is redacted, asked and understood once.
        distinct: dict[str, int] = {}
        places = [distinct.setdefault(text, len(distinct)) for _, text in spoken]
        clean = [self._redactor.redact(text) for text in distinct]
        with self._timings.stage("embed"):
            said, models = await understand(clean)
        texts = [(row, clean[place]) for (row, _), place in zip(spoken, places, strict=True)]
        if len(distinct) < len(spoken):
            said = said.take(np.array(places, dtype=np.int64))
        seen = self._observe(good, texts, said)
        observed = Observed([good[row][1] for row, _ in texts], [text for _, text in texts], said, models)
        return Analysed(records, [event.user for _, event in good], seen, bad, models, observed)

    def _decode(self, record: Record) -> ReadEvent:
        plain = read_plain(record.value, record.key, record.timestamp, self._limits)
        if plain is not None:
            return plain
        return validate(self._wire.decode(UserEvent, record.value), record.key, record.timestamp, self._limits)

    def _observe(
        self, good: list[tuple[Record, ReadEvent]], texts: list[tuple[int, str]], understood: Understanding
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
        names = {partition: str(partition) for partition in {record.partition for record, _ in good}}
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
            partition=[names[record.partition] for record, _ in good],
            offset=[record.offset for record, _ in good],
        )

    async def _understand(self, texts: list[str]) -> tuple[Understanding, ModelSet]:
        """With the champion. After a failure we ask the one that is champion then: the other may be gone for good."""
        if not texts:  # nothing is asked, so nothing is learned of the encoder
            return await self._ask(texts, self._serving().champion)
        return await self._breakers.encoder.call(lambda: self._ask(texts, self._serving().champion))

    async def _try(self, texts: list[str]) -> tuple[Understanding, ModelSet]:
        """With the candidate; where it fails, its users must not wait for it: they get the champion."""
        candidate = self._serving().candidate
        if candidate is not None:
            try:
                return await self._ask(texts, candidate)
            except (InferenceUnavailableError, ConfigurationError) as error:
                log.warning("candidate failed, the champion answers", model=candidate.encoder, error=str(error))
        return await self._understand(texts)

    async def _ask(self, texts: list[str], models: ModelSet) -> tuple[Understanding, ModelSet]:
        if not texts:
            return models.understand(np.zeros((0, models.dimensions), np.float32)), models
        return models.understand(await self._encoders(models.encoder).embed(texts)), models

    def _evidence(self, event: ReadEvent, text: str, label: int, score: float) -> Evidence:
        key = ranking_key(score, event.time, self._half_life)
        return Evidence(key, label, event.id, text[:EXCERPT], score, event.time)


def id_hash(event_id: str) -> int:
    """64 bits of an event's id."""
    return int.from_bytes(hashlib.blake2b(event_id.encode(), digest_size=8).digest(), "little")
