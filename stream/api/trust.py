"""The shapes of answers about drift and trends: can the profiles be trusted, and how do people speak?

What is in them is kept in `stream/store/drift.py` and `stream/trends`; times are milliseconds since 1970 UTC.
"""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from .answers import Answer, Time

DriftKind = Literal["mix", "content", "labels", "model", "sentiment"]


class Lenient(Answer):
    """More may be said by a newer worker than this version knows: it is left out."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Statistic(Lenient):
    """Something that is watched for drift."""

    name: str = Field(examples=["novelty"])
    title: str = Field(default="", examples=["How new texts are"])
    value: float | None = None
    usual: float | None = Field(default=None, description="What it was in the reference.")
    score: float | None = Field(default=None, description="In units of its threshold: above 1 it speaks for a change.")


class ScoreHistory(Lenient):
    """Scores at each check, the oldest first."""

    times: tuple[int, ...] = ()
    scores: dict[str, list[float | None]] = Field(default_factory=dict)


class Shares(Lenient):
    """Of each code of the codebook: its share of the texts."""

    reference: tuple[float, ...] = ()
    current: tuple[float, ...] = ()


class Histogram(Shares):
    """How new texts are (1 - highest cosine to the codebook): reference beside current."""

    edges: tuple[float, ...] = ()


class FeedbackErrors(Lenient):
    """How often labels that came later disagree."""

    labels: int
    errors: float | None = None
    usual: float | None = None


class MovedCode(Lenient):
    """A code of the codebook whose share of the texts changed."""

    code: int
    reference: float
    current: float


class Alarm(Lenient):
    """One alarm of drift, or its end."""

    id: str
    kind: DriftKind
    state: Literal["alarm", "over"]
    model: str
    time: Time
    events: int
    summary: str = Field(examples=["4 % of the texts are about something new to the model."])
    scores: dict[str, float] = Field(default_factory=dict)
    codes: tuple[MovedCode, ...] = ()
    words: tuple[str, ...] = Field(default=(), description="Used more than before, the most telling first.")
    examples: tuple[str, ...] = Field(default=(), description="Redacted beginnings of texts that speak for the change.")


class ModelSince(Lenient):
    """Since when a model was watched: a marker in the history."""

    model: str
    since: Time


class Drift(Lenient):
    """Can the profiles be trusted today? Of the encoder that is watched now."""

    model: str | None = None
    state: Literal["empty", "collecting", "calm", "alarm"] = Field(
        default="empty", description="empty: nobody watches; collecting: the reference is not complete."
    )
    kind: DriftKind | None = Field(
        default=None,
        description="What changed: the mix of known topics, content that is new to the model, labels that feedback "
        "disagrees with, or the model itself.",
    )
    since: int | None = None
    time: int | None = None
    summary: str = ""
    events: int = 0
    reference: int = 0
    wanted: int = 0
    statistics: tuple[Statistic, ...] = ()
    history: ScoreHistory = ScoreHistory()
    codes: Shares = Shares()
    novelty: Histogram = Histogram()
    feedback: FeedbackErrors | None = None
    alarms: tuple[Alarm, ...] = Field(default=(), description="Of all models, the newest first.")
    models: tuple[ModelSince, ...] = Field(default=(), description="The newest first.")


def drift_of(statuses: list[dict[str, Any]]) -> Drift:
    """What `DriftStore.statuses` gives, as one answer."""
    if not statuses:
        return Drift()
    alarms = [alarm for status in statuses for alarm in status.get("alarms", ())]
    alarms.sort(key=lambda alarm: -alarm["time"])
    models = [{"model": status["model"], "since": status["since"]} for status in statuses]
    return Drift.model_validate({**statuses[0], "alarms": alarms, "models": models})


class Series(Answer):
    """One topic in one segment; a value for each bucket of time."""

    segment: str = Field(description="Empty: everybody.")
    topic: str = Field(description="Empty: every topic.")
    texts: list[int]
    negative: list[int]
    positive: list[int]
    share: list[float]
    sentiment: list[float | None] = Field(description="Mean, -1 to 1; null where nobody said anything.")


class Surge(Lenient):
    """Negative sentiment about a topic surged."""

    time: Time
    topic: str
    texts: int
    negative: int
    expected: float
    summary: str


class Trends(Answer):
    """What people talk about, and how they feel about it."""

    resolution: int = Field(description="Seconds in a bucket.")
    times: list[int] = Field(description="Beginnings of the buckets in ms, the oldest first.")
    segments: list[str]
    series: list[Series]
    alarms: list[Surge] = Field(description="The newest first.")
