"""How far a worker is behind, asked of the broker itself, past Faust: whether Faust still reads is what is in doubt."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import NamedTuple

from ...schemas.errors import ConfigurationError, UnavailableError
from ..engine.ports import Partition
from ..kafka.connection import KafkaConnection
from ..recovery.scan import Scanner, Span, scanner

LOOK_SECONDS = 5.0
_ANSWER_SECONDS = 3.0

Position = Callable[[Partition], Awaitable[int | None]]


class Behind(NamedTuple):
    """Messages behind the committed offset, and seconds since that moved (0 without lag)."""

    events: int
    commit_age: float


class Lag:
    """Looks every few seconds.

    Args:
        group, topic: Whose offsets, on what.
        owned: The partitions that this worker has.
        position: Up to where it has read a partition.

    Attributes:
        partitions: As they were seen last, those that are owned.
        unread: Whether there is something to read that was not read; also where nobody says how far it was read.
        error: Why nothing was seen; empty where something was.
    """

    def __init__(self, group: str, topic: str, owned: Callable[[], Collection[str]], position: Position) -> None:
        self.partitions: dict[str, Behind] = {}
        self.unread = False
        self.error = ""
        self._group = group
        self._topic = topic
        self._owned = owned
        self._position = position
        self._moved: dict[str, tuple[int, float]] = {}

    async def follow(self, connection: KafkaConnection) -> None:
        """Look again and again, whether or not the broker answers."""
        while True:
            try:
                async with scanner(connection) as kafka:
                    while True:
                        await self.look(kafka)
                        await asyncio.sleep(LOOK_SECONDS)
            except (UnavailableError, ConfigurationError) as error:
                # Of a broker that is away, the engine and its breaker speak: what we do not see is no lag.
                self.error, self.unread = str(error), False
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self, kafka: Scanner) -> None:
        """Look once."""
        owned = set(self._owned())
        spans = {p: span for p, span in (await kafka.spans(self._topic)).items() if str(p) in owned}
        committed = await kafka.committed(self._group, spans) if spans else {}
        self.partitions = {str(p): self._behind(p, span, committed) for p, span in spans.items()}
        # By what was read, not by what was committed: behind the last message there may be a transaction's marker.
        self.unread = any([await self._behind_in_reading(p, span) for p, span in spans.items()])
        self.error = ""

    def _behind(self, partition: Partition, span: Span, committed: Mapping[Partition, int]) -> Behind:
        now, name = time.monotonic(), str(partition)
        offset = max(span.first, committed.get(partition, 0))
        if name not in self._moved or self._moved[name][0] != offset or offset >= span.end:
            self._moved[name] = (offset, now)
        return Behind(max(0, span.end - offset), now - self._moved[name][1])

    async def _behind_in_reading(self, partition: Partition, span: Span) -> bool:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                position = await self._position(partition)
        except TimeoutError:
            position = None
        return span.length > 0 and (position is None or position < span.end)
