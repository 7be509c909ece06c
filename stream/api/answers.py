"""The shapes of answers about the stream, models and learning, as the OpenAPI description shows them.

Times are milliseconds since 1970 UTC; shares are 0 to 1.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Time = Annotated[int, Field(description="Milliseconds since 1970, UTC.", examples=[1_795_341_600_000])]


class Answer(BaseModel):
    """Base: nothing beyond what is described."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ProblemDetails(BaseModel):
    """What is wrong, and what to do (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no profile of this user: no event was applied yet."])


class Sample(Answer):
    """One look at the stream."""

    time: Time
    events_per_second: float | None = Field(description="Applied by all workers; null at the first look.")
    lag: int = Field(description="Events that are not yet acknowledged.")


class Service(Answer):
    """A server that the stream needs."""

    up: bool
    since: Time
    detail: str | None = Field(description="What it said, where it does not answer.")


class Worker(Answer):
    """What a worker says of itself."""

    name: str
    partitions: int
    events_per_second: float | None
    applied: int
    skipped: int
    dead_letters: int
    memory_bytes: int
    idle_seconds: float
    model: str
    heads: dict[str, int]


StreamState = Literal["starting", "ok", "no workers", "stuck", "down"]


class StreamHealth(Answer):
    """Is the stream well?"""

    time: Time
    state: StreamState
    events_per_second: float | None
    lag: int | None
    workers: list[Worker]
    partitions: int
    services: dict[str, Service]
    samples: list[Sample] = Field(description="The last ten minutes, oldest first.")


class Learning(Answer):
    """What the last training run kept and learned: row i, column j is the accuracy on task j after learning task i."""

    time: int | None = None
    source: str | None = Field(default=None, examples=["learn bench, naive + replay"])
    tasks: tuple[str, ...] = ()
    accuracy: tuple[list[float | None], ...] = ()
    summary: dict[str, float] = Field(default_factory=dict, examples=[{"average_accuracy": 0.91, "forgetting": 0.02}])


class HeadVersion(Answer):
    """A head in use."""

    task: str
    version: int
    encoder: str
    labels: list[str]


class ModelMoment(Answer):
    """Something that happened to a model."""

    time: Time
    kind: str = Field(examples=["head", "encoder"])
    name: str
    version: int | None
    detail: str = Field(examples=["published", "canary", "refused: 3 % of its calls failed"])


class Models(Answer):
    """Which models read the stream, and how they came to."""

    champion: str | None = Field(description="The encoder in use; null while there is none.")
    encoders: list[str]
    heads: list[HeadVersion]
    rollback_to: str | None = Field(description="What a rollback would go back to; null where it cannot.")
    timeline: list[ModelMoment] = Field(description="The newest first.")


class RolledBack(Answer):
    """After a rollback."""

    champion: str
    before: str


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: these may be answered with a problem."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {status: {"description": _TITLES[status], "content": content} for status in sorted(statuses)}


_TITLES = {
    400: "The body is not JSON.",
    401: "No token, or one that is not known.",
    403: "The token may not do this.",
    404: "There is no such thing.",
    409: "It cannot be done now.",
    413: "The body is too large.",
    422: "The request does not fit the description.",
    429: "Too often.",
    503: "A service that is needed does not answer; try again.",
}
READING = problems(401, 403, 422, 429, 503)
