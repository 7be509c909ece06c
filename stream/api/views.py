"""What drift, trends, learning and models are to the API: whoever keeps them, they are read through these."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ...inference.models import ModelSet
from ...schemas.errors import ConfigurationError
from ...schemas.events import ModelEvent
from .answers import Drift, Learning, ModelMoment, Trends

KEPT = 200  # moments of models


async def no_drift() -> Drift:
    """Nobody watches for drift."""
    return Drift(state="empty", time=None, events=0, signals=[], moved=[], alarms=[])


async def no_trends() -> Trends:
    """Nobody follows trends."""
    return Trends(time=None, trends=[])


async def no_learning() -> Learning:
    """Nothing was trained yet."""
    return Learning(time=None, source=None, tasks=[], accuracy=[], summary={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Publications:
    """The encoders that are published.

    Attributes:
        champion: The one in use; None while there is none.
        encoders: All that there are.
        rollback_to: What a rollback would go back to.
    """

    champion: str | None
    encoders: tuple[str, ...] = ()
    rollback_to: str | None = None


async def no_publications() -> Publications:
    """No registry."""
    return Publications(champion=None)


async def no_rollback() -> str:
    """Nothing to go back to."""
    raise ConfigurationError("this deployment publishes no encoders, so there is nothing to go back to")


def no_models() -> ModelSet:
    """Before they are loaded."""
    raise ConfigurationError("models are not loaded yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """Readers; one Redis round trip each at most.

    Attributes:
        drift, trends, learning: The newest state.
        publications: The registry of encoders.
        rollback: Make the champion before the champion; returns its name.
    """

    drift: Callable[[], Awaitable[Drift]] = no_drift
    trends: Callable[[], Awaitable[Trends]] = no_trends
    learning: Callable[[], Awaitable[Learning]] = no_learning
    publications: Callable[[], Awaitable[Publications]] = no_publications
    rollback: Callable[[], Awaitable[str]] = no_rollback


@dataclass(slots=True)
class Timeline:
    """What happened to models, the newest last; the oldest go."""

    moments: deque[ModelMoment] = field(default_factory=lambda: deque(maxlen=KEPT))

    async def take(self, event: ModelEvent) -> None:
        """A message of `model-events`. Of heads, which change every few seconds while labels come, the last stays."""
        last = self.moments[-1] if self.moments else None
        if last and event.kind == "head" and (last.kind, last.name) == ("head", event.name):
            self.moments.pop()
        detail = event.properties.get("event") or "published"
        self.moments.append(
            ModelMoment(time=event.time, kind=event.kind, name=event.name, version=event.version, detail=detail)
        )
