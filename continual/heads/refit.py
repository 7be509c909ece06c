"""A head from labelled texts in one call: what remains to be done when the encoder has changed."""

from collections.abc import Sequence

import numpy as np

from ...inference.embedder import Embedder, Embeddings
from ...inference.heads import Head
from .head import FastHead

_BATCH = 256


def refit(
    task: str,
    embeddings: Embeddings,
    labels: Sequence[str],
    encoder: str,
    *,
    version: int = 1,
    known: Sequence[str] = (),
) -> Head:
    """The best closed-form head for these texts: the same that the learner would have come to.

    Args:
        task: What the head tells.
        embeddings: Of n texts, shape (n, d), unit length, by `encoder`.
        labels: n of them.
        encoder: Name of the encoder that made the embeddings.
        version: Of the head.
        known: Labels that have ids already, e.g. those of the head in use: they keep them.

    Raises:
        ArtefactError: The embeddings are not n of d dimensions, or not finite.
    """
    head = FastHead(task=task, encoder=encoder, dimensions=embeddings.shape[1], labels=known)
    head.update(embeddings, labels)
    head.consolidate()
    return head.solve(version)


async def refit_texts(
    task: str,
    texts: Sequence[str],
    labels: Sequence[str],
    embedder: Embedder,
    *,
    version: int = 1,
    known: Sequence[str] = (),
) -> Head:
    """As `refit`, for texts that `embedder` is to embed.

    Raises:
        InferenceUnavailableError: The encoder does not answer in time.
    """
    batches = [await embedder.embed(texts[at : at + _BATCH]) for at in range(0, len(texts), _BATCH)]
    rows = np.concatenate([np.zeros((0, embedder.dimensions), np.float32), *batches])
    return refit(task, rows, labels, embedder.model, version=version, known=known)
