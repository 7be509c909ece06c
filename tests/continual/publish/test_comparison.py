"""What the shadow sees, and what it objects to."""

import numpy as np
import pytest

from profilestream.continual.publish.comparison import Comparison, ShadowLimits
from profilestream.inference.embedder import Embeddings
from profilestream.inference.hashing import HashEmbedder
from profilestream.schemas.errors import InferenceUnavailableError
from tests.continual.publish.world import TEXTS
from tests.stream.world import small_models

LIMITS = ShadowLimits(latency=1e9)


class NotANumber(HashEmbedder):
    """Answers, with nothing."""

    async def embed(self, texts) -> Embeddings:
        """Not a number."""
        return np.full((len(texts), self.dimensions), np.nan, dtype=np.float32)


def compared(candidate: HashEmbedder, champion: HashEmbedder | None = None) -> Comparison:
    """Both with the same heads."""
    heads = dict(small_models(HashEmbedder()).heads)
    return Comparison((champion or HashEmbedder(), heads), (candidate, heads))


async def test_equals_agree() -> None:
    """The same model under two names: nothing speaks against it."""
    comparison = compared(HashEmbedder())
    for _ in range(8):
        await comparison.update(TEXTS)
    assert comparison.objection(LIMITS) is None
    figures = comparison.figures
    assert (figures["texts"], figures["calls"], figures["agreement_interest"]) == (64, 8, 1.0)
    assert "agreement_sentiment" not in figures  # one number has no leading label


@pytest.mark.parametrize("candidate", [NotANumber(), HashEmbedder()])
async def test_calls_without_an_answer_are_failures(candidate: HashEmbedder) -> None:
    """No answer, or numbers that are not finite."""
    candidate.fail()
    comparison = compared(candidate)
    for _ in range(8):
        await comparison.update(TEXTS)
    assert comparison.objection(LIMITS) == "100.0% of its calls failed"


async def test_failures_of_both_are_not_the_candidates() -> None:
    """The server is away: that says nothing about the candidate, and the shadow can be done again."""
    champion, candidate = HashEmbedder(), HashEmbedder()
    champion.fail()
    candidate.fail()
    with pytest.raises(InferenceUnavailableError, match="neither"):
        await compared(candidate, champion).update(TEXTS)
