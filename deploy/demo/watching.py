"""The demo's independent consumer: reads what the engine writes, and keeps the book."""

import asyncio
import time

from ...schemas.codec import decode_dead_letter, decode_update
from ...stream.engine.engine import DEAD_LETTER_HEADER
from ...stream.kafka.connection import KafkaConnection
from ...stream.kafka.reader import reader
from ..topics import DEAD_LETTERS, PROFILE_UPDATES
from .accounting import Ledger


class Watcher:
    """Follows `profile-updates` and `dead-letters`.

    Attributes:
        ready: Set when nothing that is written from now on is missed.
        moved: Set whenever the book changes; whoever waits for it clears it.
    """

    def __init__(self, connection: KafkaConnection, ledger: Ledger) -> None:
        self._connection = connection
        self._ledger = ledger
        self.ready = asyncio.Event()
        self.moved = asyncio.Event()

    async def run(self) -> None:
        """Until it is cancelled."""
        async with reader(self._connection, PROFILE_UPDATES, DEAD_LETTERS, start="latest") as consumer:
            self.ready.set()
            while True:
                batches = await consumer.getmany(timeout_ms=1000)
                now = time.monotonic()
                for partition, records in batches.items():
                    for record in records:
                        if partition.topic == PROFILE_UPDATES:
                            self._ledger.saw(decode_update(record.value), now)
                        else:
                            letter = decode_dead_letter(dict(record.headers)[DEAD_LETTER_HEADER])
                            self._ledger.buried((record.key or b"").decode(errors="replace"), letter)
                self.moved.set()
