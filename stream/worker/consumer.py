"""Faust's consumer, made to go back where Redis lost writes.

Kafka remembers what we committed, Redis what is in the profiles. After a failover Redis may have forgotten its last
writes; its watermark then lies before Kafka's committed offset, and we read from there again. What is in the profiles
already is skipped by the offsets that they hold.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from faust.transport.drivers.aiokafka import Consumer, Transport

from ..engine.position import resume_at

Watermarks = Callable[[], Awaitable[dict[str, int]]]

log = structlog.get_logger(__name__)


def rewinding_transport(transport: Transport, watermarks: Watermarks) -> Transport:
    """Make `transport` create consumers that ask for `watermarks` whenever they are assigned partitions."""

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

    transport.Consumer = RewindingConsumer
    return transport
