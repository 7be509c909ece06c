"""The two things that are measured, in events a second."""

import time
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer

from ...inference.local import LocalEmbedder
from ...schemas.events import UserEvent
from ..demo.accounting import Ledger
from ..demo.replay import Replay
from ..demo.watching import Watcher

BATCH = 256
USERS = 500
START = 1_700_000_000_000  # ms


async def ceiling(encoder: LocalEmbedder, texts: Sequence[str]) -> float:
    """Texts a second of the model alone: in-process, in large batches sorted by length, nothing else to do."""
    started = time.perf_counter()
    for at in range(0, len(texts), BATCH):
        await encoder.embed(texts[at : at + BATCH])
    return len(texts) / (time.perf_counter() - started)


async def pipeline(producer: AIOKafkaProducer, watcher: Watcher, ledger: Ledger, texts: Sequence[str]) -> float:
    """Events a second from producer to update seen, all of them handed over at once."""
    replay = Replay(producer, ledger, watcher, speed=None, window=len(texts))
    started = time.perf_counter()
    await replay.send(_events(texts))
    await replay.finish()
    return len(texts) / (time.perf_counter() - started)


def _events(texts: Sequence[str]) -> list[UserEvent]:
    return [
        UserEvent(id=text, user=f"user-{number % USERS}", type="message", time=START + 1000 * number, text=text)
        for number, text in enumerate(texts)
    ]
