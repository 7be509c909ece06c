"""The tests' twin of an encoder: no model, no files, and it fails when it is told to."""

import asyncio
import hashlib
import re
from collections.abc import Sequence

import numpy as np

from ..schemas.errors import InferenceUnavailableError
from .embedder import Embeddings

_WORD = re.compile(r"\w+|[^\w\s]")


class HashEmbedder:
    """An `Embedder` that adds up a random unit vector for each word: texts with words in common are alike.

    Random projections of bags of words keep their cosines (Achlioptas, 2003). The same text has the same vector in
    every process and on every machine.

    Args:
        dimensions: Length of an embedding.
        model: Name; part of the seed, so that two names make two incompatible spaces.
    """

    def __init__(self, dimensions: int = 64, model: str = "hash-v1") -> None:
        self._dimensions = dimensions
        self._model = model
        self._words: dict[str, Embeddings] = {}
        self._answering = asyncio.Event()
        self._answering.set()
        self._failing = False
        self.embedded: list[str] = []

    @property
    def model(self) -> str:
        """Its name."""
        return self._model

    @property
    def dimensions(self) -> int:
        """Length of an embedding."""
        return self._dimensions

    def fail(self) -> None:
        """From now on every call raises `InferenceUnavailableError`, also those that hang."""
        self._failing = True
        self._answering.set()

    def hang(self) -> None:
        """From now on no call returns until `recover` or `fail`."""
        self._answering.clear()

    def recover(self) -> None:
        """Answer again, also those calls that hang."""
        self._failing = False
        self._answering.set()

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Embeddings of unit length; the texts are appended to `embedded`.

        Raises:
            InferenceUnavailableError: It was told to fail.
        """
        await self._answering.wait()
        if self._failing:
            raise InferenceUnavailableError("The hash encoder was told to fail.")
        self.embedded.extend(texts)
        rows = [self._vector(text) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(rows), self._dimensions)

    async def close(self) -> None:
        """Nothing to release."""

    def _vector(self, text: str) -> Embeddings:
        # The empty word keeps a text without words from having no direction.
        total = np.sum([self._word(word) for word in _WORD.findall(text.lower()) or [""]], axis=0)
        unit: Embeddings = (total / np.linalg.norm(total)).astype(np.float32)
        return unit

    def _word(self, word: str) -> Embeddings:
        if word not in self._words:
            digest = hashlib.blake2b(f"{self._model}\0{word}".encode("utf-8", "replace"), digest_size=8).digest()
            vector = np.random.default_rng(int.from_bytes(digest)).standard_normal(self._dimensions)
            self._words[word] = (vector / np.linalg.norm(vector)).astype(np.float32)
        return self._words[word]
