"""Where every event went: an independent book-keeper that trusts nothing but the topics.

It writes down each event as the broker acknowledges it, and strikes it off when an update of its user covers its
offset, or when it turns up among the dead letters.
"""

from collections import defaultdict, deque
from dataclasses import dataclass, field

import numpy as np

from ...schemas.events import DeadLetter, ProfileUpdate


@dataclass(slots=True)
class Sent:
    """An event on its way: where it lies in `user-events`, and when it was handed to the producer, in seconds."""

    partition: int
    offset: int
    at: float


@dataclass(slots=True)
class Ledger:
    """The book. Times are of one monotonic clock, in seconds.

    Attributes:
        sent: How many events were written.
        seen: How many of them an update covers.
        dead: How many were found among the dead letters.
        updates: How many updates were read.
        backward: How many of those had a revision below an earlier one of the same user: must stay 0.
        latencies: From produce to update seen, in seconds.
        profiles: The latest update of each user.
    """

    sent: int = 0
    seen: int = 0
    dead: int = 0
    updates: int = 0
    backward: int = 0
    latencies: list[float] = field(default_factory=list)
    profiles: dict[str, ProfileUpdate] = field(default_factory=dict)
    _buried: set[tuple[int, int]] = field(default_factory=set)
    _waiting: defaultdict[str, deque[Sent]] = field(default_factory=lambda: defaultdict(deque))

    @property
    def outstanding(self) -> int:
        """Events that are neither in an update nor dead."""
        return self.sent - self.seen - self.dead

    def wrote(self, user: str, event: Sent, now: float) -> None:
        """The broker has an event; its update may already have been seen."""
        self.sent += 1
        self._waiting[user].append(event)
        self._strike(user, now)

    def saw(self, update: ProfileUpdate, now: float) -> None:
        """An update was read."""
        self.updates += 1
        before = self.profiles.get(update.user)
        if before and update.revision < before.revision:
            self.backward += 1
            return
        self.profiles[update.user] = update
        self._strike(update.user, now)

    def buried(self, user: str, letter: DeadLetter) -> None:
        """An event was found among the dead letters; once, however often it was written there."""
        place = (letter.partition, letter.offset)
        if place in self._buried:
            return
        self._buried.add(place)
        self.dead += 1
        waiting = self._waiting[user]
        for event in waiting:
            if (event.partition, event.offset) == place:
                waiting.remove(event)
                return
        self.seen -= 1  # an update with a later event of the user came first and struck it off

    def latency(self, percentile: float) -> float:
        """Milliseconds from produce to update seen, e.g. of percentile 99; NaN where nothing was seen."""
        return float(np.percentile(self.latencies, percentile) * 1000) if self.latencies else float("nan")

    def _strike(self, user: str, now: float) -> None:
        update, waiting = self.profiles.get(user), self._waiting[user]
        while update and waiting and waiting[0].offset <= update.offset:
            self.latencies.append(now - waiting.popleft().at)
            self.seen += 1
