"""What the one consumer of `profile-updates` does with them: into the index, then on to the clients."""

import asyncio
from collections.abc import Sequence

import structlog

from ...schemas.errors import ArtefactError
from ...schemas.events import ProfileUpdate
from .hub import Hub
from .index import UserIndex
from .metrics import ApiMetrics

PIECE = 16  # updates between two looks at whatever else waits: reads must not wait for a burst of updates

log = structlog.get_logger(__name__)


class Feed:
    """Takes updates.

    Args:
        index: Filled from the beginning of the topic.
        hub: Told of what comes after the index has caught up.
        metrics: Told how many users are in the index.

    Attributes:
        caught_up: Set when everything that was there at the start is in the index.
    """

    def __init__(self, index: UserIndex, hub: Hub, metrics: ApiMetrics) -> None:
        self._index = index
        self._hub = hub
        self._metrics = metrics
        self.caught_up = asyncio.Event()

    async def take(self, updates: Sequence[ProfileUpdate]) -> None:
        """In order; updates that come again or late are left out."""
        for start in range(0, len(updates), PIECE):
            news = [update for update in updates[start : start + PIECE] if self._remember(update)]
            if self.caught_up.is_set():
                self._hub.publish(news)
            await asyncio.sleep(0)
        self._metrics.indexed_users.set(len(self._index))

    def forget(self, user: str) -> None:
        """The user's profile was erased."""
        self._index.forget(user)

    def _remember(self, update: ProfileUpdate) -> bool:
        try:
            return self._index.take(update)
        except ArtefactError as error:
            log.warning("update left out of the index", error=str(error))
            return False
