"""Whose models answer for whom: one snapshot, swapped whole."""

from dataclasses import dataclass

from .models import ModelSet
from .pointer import chosen


@dataclass(frozen=True, slots=True)
class Serving:
    """What a worker understands texts with.

    Attributes:
        champion: For everybody,
        candidate: but for the users of the canary, where there is one.
        share: Of the users that are the canary's, 0 to 1.
    """

    champion: ModelSet
    candidate: ModelSet | None = None
    share: float = 0.0

    def tries(self, user: str) -> bool:
        """Whether the candidate answers for a user."""
        return self.candidate is not None and chosen(user, self.candidate.encoder, self.share)

    @property
    def sets(self) -> tuple[ModelSet, ...]:
        """All that are in use."""
        return (self.champion,) if self.candidate is None else (self.champion, self.candidate)

    @property
    def encoders(self) -> list[str]:
        """Their encoders' names."""
        return [models.encoder for models in self.sets]
