"""First answers of a model: every length once, and compared with the exported file."""

import time

from ...inference.embedder import Embedder
from ...inference.sentences import CALIBRATION

# The first run at a shape allocates, and a user should not wait for that.
_LENGTHS = (1, 4, 16, 64, 256)


async def parity(served: Embedder, exported: Embedder) -> dict[str, float]:
    """Warm a served model up and compare it with its exported file.

    Returns:
        `cosine`, the lowest over all texts; `texts`; `seconds` that the served one took for them when it was warm.

    Raises:
        InferenceUnavailableError: It does not answer.
    """
    await served.embed(["warm " * words for words in _LENGTHS])
    texts = list(CALIBRATION)
    begun = time.perf_counter()
    answers = await served.embed(texts)
    seconds = time.perf_counter() - begun
    expected = await exported.embed(texts)
    if answers.shape != expected.shape:
        return {"cosine": -1.0, "texts": float(len(texts)), "seconds": seconds}
    return {"cosine": float((answers * expected).sum(axis=1).min()), "texts": float(len(texts)), "seconds": seconds}
