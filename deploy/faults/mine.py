"""A worker's death at a chosen place: in the middle of a call to Redis or to Kafka that takes long."""

import asyncio
import os
import signal
from collections.abc import Sequence
from typing import Literal

from ...stream.engine.ports import Outgoing, Sink
from ...stream.store.base import Write
from ...stream.store.redis import RedisStore

Place = Literal["store", "broker"]

SLOW_SECONDS = 2.5  # longer than Faust takes from an acknowledgement to its commit, on a busy machine too

SIGNALS: dict[Place, signal.Signals] = {"store": signal.SIGUSR1, "broker": signal.SIGUSR2}
"""What a process is sent to die in its next call to that place."""


class Mine:
    """Waits to be laid, then to be trodden on. To be made inside the running loop."""

    def __init__(self) -> None:
        self._laid: set[Place] = set()
        for place, number in SIGNALS.items():
            asyncio.get_running_loop().add_signal_handler(number, self._laid.add, place)

    async def tread(self, place: Place) -> None:
        """Where the mine was laid here: hang for a while, then die as by `kill -9`."""
        if place in self._laid:
            await asyncio.sleep(SLOW_SECONDS)
            os.kill(os.getpid(), signal.SIGKILL)


class MinedStore(RedisStore):
    """A RedisStore to die in before profiles are written."""

    mine: Mine | None = None

    async def save(self, writes: Sequence[Write]) -> list[bool]:
        """See ProfileStore."""
        if self.mine and writes:
            await self.mine.tread("store")
        return await super().save(writes)


class MinedSink:
    """A Sink to die in before anything is published."""

    def __init__(self, sink: Sink, mine: Mine) -> None:
        self._sink = sink
        self._mine = mine

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """See Sink."""
        if messages:
            await self._mine.tread("broker")
        await self._sink.publish(messages)
