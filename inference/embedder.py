"""The one seam between the engine and whatever computes embeddings."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float32]


class Embedder(Protocol):
    """Turns texts into vectors. The Triton client, the in-process encoder and the tests' twin are all one of these."""

    @property
    def model(self) -> str:
        """Name of the encoder that answers, e.g. `encoder-v1`: vectors of two models never mix."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of an embedding."""
        ...

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Embeddings of unit length, one row a text, shape (len(texts), dimensions).

        Raises:
            InferenceUnavailableError: No answer in time; the same call may work later.
        """
        ...

    async def close(self) -> None:
        """Release connections and threads."""
