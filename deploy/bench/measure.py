"""What the sections have in common."""

import time
from collections.abc import Sequence

from ...inference.embedder import Embedder

BATCH = 256  # texts in one call of the model, as many as it takes
USERS = 500


async def texts_a_second(encoder: Embedder, texts: Sequence[str]) -> float:
    """Of a model alone: in large batches that it sorts by length, nothing else to do."""
    started = time.perf_counter()
    for at in range(0, len(texts), BATCH):
        await encoder.embed(texts[at : at + BATCH])
    return len(texts) / (time.perf_counter() - started)
