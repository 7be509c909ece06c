"""Replaying a data set as a stream: in its own order, at its own pace or a multiple, or as fast as it is taken."""

import asyncio
import time
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from ...schemas.codec import encode
from ...schemas.events import Feedback, UserEvent
from ..topics import FEEDBACK, USER_EVENTS
from .accounting import Ledger, Sent
from .watching import Watcher

STALLED = 60.0  # seconds without any progress after which events count as lost


class Replay:
    """Sends events and feedback, keeping no more than `window` events under way.

    Without a bound the latency that is measured would be that of the queue in front of the engine.

    Args:
        producer: Started.
        ledger: Where each event is written down.
        watcher: Says when events were seen.
        speed: Event time passes so many times as fast as real time; None: as fast as the engine takes them.
        window: At most so many events between producer and update seen.
    """

    def __init__(
        self, producer: AIOKafkaProducer, ledger: Ledger, watcher: Watcher, *, speed: float | None, window: int
    ) -> None:
        self._producer = producer
        self._ledger = ledger
        self._watcher = watcher
        self._speed = speed
        self._window = window
        self._handed = 0
        self._pending: set[asyncio.Future[RecordMetadata]] = set()

    async def send(self, stream: Iterable[UserEvent | Feedback]) -> None:
        """Send everything; returns when all of it was acknowledged by the broker."""
        started, first = time.monotonic(), None
        for record in stream:
            if self._speed:
                first = record.time if first is None else first
                await self._until(started + (record.time - first) / 1000 / self._speed)
            if isinstance(record, UserEvent):
                await self._room()
                await self._event(record)
            else:
                await self._feedback(record)
        await asyncio.gather(*self._pending)

    async def finish(self) -> None:
        """Wait until every event was seen, or nothing has moved for long."""
        while self._ledger.outstanding and await self._moved():
            pass

    async def _event(self, event: UserEvent) -> None:
        at = time.monotonic()
        self._handed += 1
        future = await self._producer.send(USER_EVENTS, encode(event), key=event.user.encode())
        self._track(future)

        def written(done: "asyncio.Future[RecordMetadata]") -> None:
            if not done.cancelled() and not done.exception():
                metadata = done.result()
                self._ledger.wrote(event.user, Sent(metadata.partition, metadata.offset, at), time.monotonic())

        future.add_done_callback(written)

    async def _feedback(self, feedback: Feedback) -> None:
        self._track(await self._producer.send(FEEDBACK, encode(feedback), key=feedback.user.encode()))

    def _track(self, future: "asyncio.Future[RecordMetadata]") -> None:
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)

    async def _room(self) -> None:
        while self._handed - self._ledger.seen - self._ledger.dead >= self._window and await self._moved():
            pass

    async def _moved(self) -> bool:
        """Wait for the next change of the book; False if there is none for long."""
        self._watcher.moved.clear()
        seen = (self._ledger.seen, self._ledger.dead)
        deadline = time.monotonic() + STALLED
        while (self._ledger.seen, self._ledger.dead) == seen:
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    await self._watcher.moved.wait()
            except TimeoutError:
                return False
            self._watcher.moved.clear()
        return True

    async def _until(self, moment: float) -> None:
        if (wait := moment - time.monotonic()) > 0:
            await asyncio.sleep(wait)
