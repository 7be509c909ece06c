"""The records on the topics, as plain Python.

Times are whole milliseconds since 1970-01-01 UTC, as in the Avro schemas (`timestamp-millis`).
"""

from dataclasses import dataclass, field

EVENT_TYPES: tuple[str, ...] = ("click", "view", "search", "message", "review", "purchase", "other")

Property = str | float | int | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEvent:
    """Something that a user did: one message on `user-events`, keyed by the user.

    Attributes:
        id: Chosen by the producer; the same id twice within a short while counts once.
        user: Whose profile it changes.
        type: What was done; types outside `EVENT_TYPES` are counted as `other`.
        time: When it was done, in ms.
        text: What it says, if anything; this is what the encoder reads.
        item: What it was done to: a product, a page, a conversation.
        properties: Anything else, by name.
    """

    id: str
    user: str
    type: str
    time: int
    text: str | None = None
    item: str | None = None
    properties: dict[str, Property] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """A label that arrived later: one message on `feedback`, keyed by the user.

    Attributes:
        task: Which head it teaches: `interest`, `sentiment`, `intent`, ...
        label: The right answer.
        text: What was labelled; or `event`, the id of the event that said it.
    """

    id: str
    user: str
    task: str
    label: str
    time: int
    text: str | None = None
    event: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """A label with its share of the user's attention, 0 to 1."""

    label: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """An event that speaks for a label: its id, a redacted excerpt and how sure the head was."""

    label: str
    event: str
    excerpt: str
    confidence: float
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileUpdate:
    """A changed profile: one message on `profile-updates` (compacted), keyed by the user.

    Attributes:
        revision: Grows with each change of this profile; the same events always give the same number.
        model_version: The encoder whose vectors are in the profile.
        topic, partition, offset: The last source message that is in it.
        time: The latest event time in it, in ms.
        events: How many events are in it.
        interests, recent_interests: Leading labels at the long and the short half-life, best first.
        sentiment, sentiment_spread: Mean (-1 to 1) and standard deviation; None where nothing was said.
        evidence: Why: events that speak for the leading interests.
        state: The stored state, byte for byte as in Redis, so that an empty Redis can be rebuilt.
    """

    user: str
    revision: int
    model_version: str
    topic: str
    partition: int
    offset: int
    time: int
    events: int
    interests: tuple[Interest, ...] = ()
    recent_interests: tuple[Interest, ...] = ()
    sentiment: float | None = None
    sentiment_spread: float | None = None
    evidence: tuple[Evidence, ...] = ()
    state: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """Why a message could not be applied: carried in a header beside its original bytes."""

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEvent:
    """A change of a model: one message on `model-events`, keyed by the model's name.

    Attributes:
        kind: `head` or `encoder`.
        name: The head's task or the encoder's name.
        version: Grows with each publication of this name.
        location: Where the artefact is: a Redis key for a head, a model name for an encoder.
        sha256: Of the artefact, in hexadecimal.
    """

    kind: str
    name: str
    version: int
    location: str
    sha256: str
    time: int
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedCode:
    """A code of the codebook whose share of the texts changed; shares are 0 to 1."""

    code: int
    reference: float
    current: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """The stream is no longer what it was, or is so again: one message on `drift-reports`, keyed by the model.

    Attributes:
        id: The same for an alarm and for its end.
        kind: `mix` (of known topics), `content` (new to the model), `labels` (feedback disagrees), `model` (the encoder
            itself) or `sentiment` (about a topic).
        state: `alarm`, or `over` when it is as it was before.
        model: The encoder in use.
        time: When it was noticed, in ms.
        events: Texts seen since the reference was begun.
        summary: One sentence for people.
        scores: Every statistic by its name, in units of its threshold: above 1 it speaks for a change.
        codes: What moved most, the most first.
        words: Words that are used more than before, the most telling first.
        examples: Beginnings of texts that speak for the change, without personal data.
    """

    id: str
    kind: str
    state: str
    model: str
    time: int
    events: int
    summary: str
    scores: dict[str, float] = field(default_factory=dict)
    codes: tuple[MovedCode, ...] = ()
    words: list[str] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)
