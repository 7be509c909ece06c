"""What models are to the API: whoever publishes them, they are read and rolled back through these."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ...schemas.errors import ConfigurationError
from ...schemas.events import ModelEvent
from .answers import ModelMoment

KEPT = 200  # moments of models


@dataclass(frozen=True, slots=True, kw_only=True)
class Publications:
    """The encoders that are published.

    Attributes:
        champion: The one in use; None while there is none.
        encoders: All that there are.
        rollback_to: What a rollback would go back to.
        moments: What happened to them, as the registry has it.
    """

    champion: str | None
    encoders: tuple[str, ...] = ()
    rollback_to: str | None = None
    moments: tuple[ModelMoment, ...] = ()


async def no_publications() -> Publications:
    """No registry."""
    return Publications(champion=None)


async def no_rollback() -> str:
    """Nothing to go back to."""
    raise ConfigurationError("this deployment publishes no encoders, so there is nothing to go back to")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """How the registry of encoders is read and changed.

    Attributes:
        publications: What is published.
        rollback: Make the champion before the champion again; returns its name. Raises ConfigurationError or
            ArtefactError where it cannot.
    """

    publications: Callable[[], Awaitable[Publications]] = no_publications
    rollback: Callable[[], Awaitable[str]] = no_rollback


def together(timeline: Iterable[ModelMoment], registry: Sequence[ModelMoment]) -> list[ModelMoment]:
    """What was told and what the registry knows, the newest first; of encoders the registry knows more."""
    told = [moment for moment in timeline if not registry or moment.kind != "encoder"]
    return sorted([*told, *registry], key=lambda moment: -moment.time)[:KEPT]


@dataclass(slots=True)
class Timeline:
    """What happened to models, the newest last; the oldest go."""

    moments: deque[ModelMoment] = field(default_factory=lambda: deque(maxlen=KEPT))

    async def take(self, event: ModelEvent) -> None:
        """A message of `model-events`. Of heads, which change every few seconds while labels come, the last stays."""
        last = self.moments[-1] if self.moments else None
        if last and event.kind == "head" and (last.kind, last.name) == ("head", event.name):
            self.moments.pop()
        detail = event.properties.get("state") or "published"
        self.moments.append(
            ModelMoment(time=event.time, kind=event.kind, name=event.name, version=event.version, detail=detail)
        )
