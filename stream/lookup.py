"""Reading profiles: one round trip, then everything that a person wants to know of a user."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

from ..inference.models import ModelSet
from ..schemas.events import Evidence, Interest
from .profile import view
from .profile.layout import Layout
from .profile.state import decode_states
from .profile.view import Interests
from .store.base import ProfileStore, Stored

SCAN_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadableProfile:
    """A profile, ready to be shown. Times in ms; shares 0 to 1; hours are 24 shares, UTC; sentiment -1 to 1."""

    user: str
    revision: int
    bytes: int
    events: int
    first_seen: int
    last_seen: int
    interests: tuple[Interest, ...]
    recent_interests: tuple[Interest, ...]
    sentiment: float | None
    sentiment_spread: float | None
    recent_sentiment: float | None
    types: dict[str, float]
    hours: list[float]
    evidence: tuple[Evidence, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


class Lookup:
    """Looks profiles up.

    Args:
        store: Where they are.
        models: For the labels' names.
        layout: The deployment's.
    """

    def __init__(self, store: ProfileStore, models: ModelSet, layout: Layout) -> None:
        self._store = store
        self._models = models
        self._layout = replace(layout, dimensions=0)  # nobody reads vectors: they are half of what decoding costs

    async def get(self, users: Sequence[str]) -> list[ReadableProfile | None]:
        """The profiles of `users`, in their order; None where there is none."""
        stored = await self._store.load(users)
        table = decode_states([value and value.state for value in stored], self._layout, self._models.encoder)
        interests = Interests(table, self._models.label_name)
        return [
            value and self._readable(user, value, interests, row)
            for row, (user, value) in enumerate(zip(users, stored, strict=True))
        ]

    async def everyone(self) -> AsyncIterator[ReadableProfile]:
        """All profiles, some hundreds a round trip, in no order."""
        users = iter(list(dict.fromkeys([user async for user in self._store.users()])))
        while batch := list(islice(users, SCAN_BATCH)):
            for profile in await self.get(batch):
                if profile:
                    yield profile

    def _readable(self, user: str, stored: Stored, interests: Interests, row: int) -> ReadableProfile:
        table = interests.table
        long, short = view.sentiment(table, row, -1), view.sentiment(table, row, 0)
        types, hours = view.habits(table, row)
        return ReadableProfile(
            user=user,
            revision=stored.revision,
            bytes=len(stored.state),
            events=int(table.events[row]),
            first_seen=int(table.first[row]),
            last_seen=int(table.last[row]),
            interests=interests.leading(row, -1),
            recent_interests=interests.leading(row, 0),
            sentiment=long and long[0],
            sentiment_spread=long and long[1],
            recent_sentiment=short and short[0],
            types=types,
            hours=hours,
            evidence=view.evidence(table, row, self._models.label_name),
        )
