"""Which text a label is about: the one that came with it, or the one of the event that it names."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..schemas.events import Feedback


class Texts(Protocol):
    """Finds what an event said."""

    async def text(self, user: str, event: str) -> str | None:
        """The text; None where it is not known (yet).

        Raises:
            UnavailableError: A service does not answer; the same call may work later.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Feedback, and where it was read: a partition of `feedback` and the offset in it."""

    feedback: Feedback
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Told:
    """Feedback with the text that it is about."""

    feedback: Feedback
    text: str


class Resolver:
    """Pairs labels with texts; a label that names an event waits for it a while, as the two come on different topics.

    Args:
        texts: Finds the texts of events; None: nobody does.
        wait: Seconds that a label waits.
        most: So many labels wait at most; what comes beyond that is given up at once.
        clock: Seconds that never go back.

    Attributes:
        resolved: Labels paired by the id of an event.
        given_up: Labels of events whose text was not found.
    """

    def __init__(
        self,
        texts: Texts | None,
        *,
        wait: float = 10.0,
        most: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.resolved = 0
        self.given_up = 0
        self._texts = texts
        self._wait = wait
        self._most = most
        self._clock = clock
        self._waiting: deque[tuple[float, Delivery]] = deque()

    def __len__(self) -> int:
        """How many labels wait."""
        return len(self._waiting)

    def first(self) -> dict[int, int]:
        """For each partition the lowest offset of a label that waits: from there it is to be read after a crash."""
        found: dict[int, int] = {}
        for _, item in self._waiting:
            found[item.partition] = min(item.offset, found.get(item.partition, item.offset))
        return found

    async def pair(self, deliveries: Sequence[Delivery]) -> list[Told]:
        """Those whose text is known now: of these, and of those that wait."""
        told = [Told(item.feedback, item.feedback.text) for item in deliveries if item.feedback.text]
        until = self._clock() + self._wait
        asking = [*self._waiting, *((until, item) for item in deliveries if not item.feedback.text)]
        self._waiting.clear()
        for deadline, delivery in asking:
            item = delivery.feedback
            text = await self._texts.text(item.user, item.event or "") if self._texts is not None else None
            if text:
                self.resolved += 1
                told.append(Told(item, text))
            elif self._texts is not None and self._clock() < deadline and len(self._waiting) < self._most:
                self._waiting.append((deadline, delivery))
            else:
                self.given_up += 1
        return told
