"""Live updates for many clients: each has a bounded queue of its own, and nobody waits for a slow one."""

import asyncio
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from ...schemas.events import ProfileUpdate
from .metrics import ApiMetrics
from .problems import Problem


class Subscription:
    """What waits for one client: the newest update of each user, so that a slow client skips what is old anyway.

    Args:
        users: Only these; empty: all.
        most: Users that may wait; beyond it the one that waits longest is left out.
    """

    def __init__(self, users: Collection[str], most: int) -> None:
        self._users = frozenset(users)
        self._most = most
        self._waiting: dict[str, ProfileUpdate] = {}
        self._something = asyncio.Event()
        self.closed = False
        self.dropped = 0

    def put(self, update: ProfileUpdate) -> bool:
        """Take an update; whether another had to go for it."""
        if self._users and update.user not in self._users:
            return False
        self._waiting[update.user] = update
        self._something.set()
        if len(self._waiting) <= self._most:
            return False
        del self._waiting[next(iter(self._waiting))]
        self.dropped += 1
        return True

    async def take(self) -> list[ProfileUpdate]:
        """Everything that waits, as soon as there is something; nothing at all when the hub is closed."""
        await self._something.wait()
        self._something.clear()
        taken, self._waiting = list(self._waiting.values()), {}
        return taken

    def close(self) -> None:
        """Nothing more will come."""
        self.closed = True
        self._something.set()


class Hub:
    """Passes updates on.

    Args:
        clients: At most so many.
        users: See Subscription.
        metrics: Told of clients and of what they missed.
    """

    def __init__(self, clients: int, users: int, metrics: ApiMetrics) -> None:
        self._most = clients
        self._users = users
        self._metrics = metrics
        self._subscriptions: set[Subscription] = set()
        self._closed = False

    def publish(self, updates: Iterable[ProfileUpdate]) -> None:
        """To everyone who wants them; never waits."""
        if not self._subscriptions:
            return
        for update in updates:
            dropped = sum([subscription.put(update) for subscription in self._subscriptions])
            if dropped:
                self._metrics.live_dropped.inc(dropped)

    def check(self) -> None:
        """Whether there is room for one more.

        Raises:
            Problem: 503, there are too many, or the server is about to stop.
        """
        if self._closed or len(self._subscriptions) >= self._most:
            raise Problem(
                503, "Service Unavailable", "Too many clients follow updates (api_live_clients).", {"Retry-After": "10"}
            )

    @contextmanager
    def subscribed(self, users: Collection[str]) -> Iterator[Subscription]:
        """A subscription, for as long as the block runs."""
        subscription = Subscription(users, self._users)
        if self._closed:
            subscription.close()
        self._subscriptions.add(subscription)
        self._metrics.live_clients.set(len(self._subscriptions))
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            self._metrics.live_clients.set(len(self._subscriptions))

    def close(self) -> None:
        """End all streams, so that a server can stop."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.close()
