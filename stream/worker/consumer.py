"""Faust's consumer, made to go back where Redis lost writes, and to end when it is told to.

Kafka remembers what we committed, Redis what is in the profiles. After a failover Redis may have forgotten its last
writes; its watermark then lies before Kafka's committed offset, and we read from there again. What is in the profiles
already is skipped by the offsets that they hold.

With the broker gone, aiokafka goes on trying to commit for ever, and its consumer's end is lost on Faust, which then
waits a minute for it. Both are bounded here: what was not committed will be read again, and skipped.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiokafka.errors import KafkaError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport

from ..engine.position import resume_at

Watermarks = Callable[[], Awaitable[dict[str, int]]]

LEAVE_SECONDS = 2.0  # for the last words to the group's coordinator

log = structlog.get_logger(__name__)


class _Thread(AIOKafkaConsumerThread):  # type: ignore[misc]
    """The thread that talks to the broker; it ends whether or not the broker is there to hear of it."""

    async def on_thread_stop(self) -> None:
        # aiokafka lets the cancellation of its own fetches out of `stop`; nobody cancels us here.
        with contextlib.suppress(asyncio.CancelledError, TimeoutError, KafkaError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await super().on_thread_stop()


def rewinding_transport(transport: Transport, watermarks: Watermarks, given_up: asyncio.Event) -> Transport:
    """Make `transport` create consumers that ask for `watermarks` whenever they are assigned partitions.

    Args:
        transport: Faust's.
        watermarks: How far the stored profiles are.
        given_up: When it is set, no commit is waited for any more.
    """

    class RewindingConsumer(Consumer):  # type: ignore[misc]
        async def perform_seek(self) -> None:
            await super().perform_seek()
            marks = await watermarks()
            for partition, committed in list(self._committed_offset.items()):
                start = resume_at(committed, marks.get(f"{partition.topic}-{partition.partition}"))
                if committed and start < committed and partition in self.assignment():
                    log.warning("profiles are behind Kafka, reading again", partition=str(partition), offset=start)
                    await self._rewind(partition, start)

        async def _rewind(self, partition: Any, offset: int) -> None:
            await self._thread.seek_wait({partition: offset})
            # Faust drops messages before its read offset, and does not commit what lies before the committed one.
            self._read_offset[partition] = offset or None
            self._committed_offset[partition] = offset or None

        def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
            return _Thread(self, loop=self.loop, beacon=self.beacon)

        async def _commit(self, offsets: Any) -> bool:
            commit = asyncio.ensure_future(super()._commit(offsets))
            waiting = asyncio.ensure_future(given_up.wait())
            await asyncio.wait({commit, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if commit.done():
                return bool(commit.result())
            commit.cancel()
            return False

    transport.Consumer = RewindingConsumer
    return transport
