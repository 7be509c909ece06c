"""Does the encoder still say the same of the same sentences?

A served model whose weights were exchanged under its own name moves everything at once; so does a flood of new content.
What tells them apart is a few fixed sentences: their embeddings may only change with the encoder.
"""

import numpy as np

from ...inference.embedder import Embeddings

ANCHORS = (
    "where is my order",
    "how do i reset my password",
    "the weather is lovely today",
    "i want my money back",
    "recommend me a good book",
    "what time does the train leave",
    "this was the worst meal i have ever had",
    "play some music for me",
    "my dog likes long walks",
    "the new phone has a great camera",
    "please cancel my subscription",
    "thank you so much for your help",
)
SAME = 0.98  # lowest cosine that rounding and another processor explain (int8: 0.99)


def moved(before: Embeddings, now: Embeddings) -> bool:
    """Whether any sentence is said otherwise than before.

    Args:
        before: Embeddings of `ANCHORS`, unit length, shape (12, d).
        now: The same, now.
    """
    if before.shape != now.shape:
        return True
    return bool(np.min((before * now).sum(axis=1)) < SAME)
