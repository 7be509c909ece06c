"""Embeddings that were computed before: a bounded cache in front of any embedder."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from .embedder import Embedder, Embeddings


@dataclass
class CacheStatistics:
    """What the cache has done so far.

    Attributes:
        hits: Texts answered from the cache, or by a request that was already on its way.
        misses: Texts asked of the embedder.
        evictions: Rows given up for newer ones.
    """

    hits: int = 0
    misses: int = 0
    evictions: int = 0


class CachedEmbedder:
    """An `Embedder` that asks another one only for texts that it has not seen lately.

    Least recently used rows go first. Memory is bounded: rows are float32 in one array that is made once, and keys are
    digests of 16 bytes of model and text, so that long texts cost no more than short ones. Calls at the same time share
    requests for the same text.

    Args:
        inner: Who computes; closed with this one.
        capacity: Rows, i.e. distinct texts; one takes `4 * dimensions` bytes and some 200 for its key.
    """

    def __init__(self, inner: Embedder, capacity: int) -> None:
        self._inner = inner
        self._capacity = capacity
        self._rows: Embeddings | None = None
        self._places: OrderedDict[bytes, int] = OrderedDict()
        self._pending: dict[bytes, asyncio.Task[dict[bytes, Embeddings]]] = {}
        self.statistics = CacheStatistics()

    @property
    def inner(self) -> Embedder:
        """Who computes."""
        return self._inner

    @property
    def model(self) -> str:
        """The encoder that answers."""
        return self._inner.model

    @property
    def dimensions(self) -> int:
        """Length of an embedding."""
        return self._inner.dimensions

    def __len__(self) -> int:
        """Rows in the cache."""
        return len(self._places)

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Embeddings of unit length, shape (len(texts), dimensions).

        Raises:
            InferenceUnavailableError: As the embedder behind it; nothing is kept of a failed request.
        """
        keys = [self._key(text) for text in texts]
        if (rows := self._all(keys)) is not None:
            self.statistics.hits += len(keys)
            return rows
        found = self._look_up(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        self.statistics.hits += len(keys) - len(missing)
        for task in self._requests(missing):
            found |= await asyncio.shield(task)  # others may wait for it, even when we no longer do
        if not keys:
            return np.empty((0, self.dimensions), dtype=np.float32)
        return np.stack([found[key] for key in keys])

    async def close(self) -> None:
        """Give up requests on their way and close the embedder."""
        tasks = set(self._pending.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._inner.close()

    def _key(self, text: str) -> bytes:
        data = f"{self._inner.model}\0{text}".encode("utf-8", "surrogatepass")
        return blake2b(data, digest_size=16).digest()

    def _all(self, keys: Sequence[bytes]) -> Embeddings | None:
        """A copy of all rows at once, which is much faster than one by one; None where one is missing."""
        places = [self._places.get(key, -1) for key in keys]
        if self._rows is None or not places or -1 in places:
            return None
        for key in keys:
            self._places.move_to_end(key)
        rows: Embeddings = self._rows[places]
        return rows

    def _look_up(self, keys: Sequence[bytes]) -> dict[bytes, Embeddings]:
        """Copies of the rows that are there: their places may be given to others while we wait."""
        found: dict[bytes, Embeddings] = {}
        for key in keys:
            place = self._places.get(key)
            if place is not None and self._rows is not None:
                self._places.move_to_end(key)
                found[key] = self._rows[place].copy()
        return found

    def _requests(self, missing: dict[bytes, str]) -> set[asyncio.Task[dict[bytes, Embeddings]]]:
        """The tasks that will have the missing rows: those on their way, and one for the rest."""
        rest = {key: text for key, text in missing.items() if key not in self._pending}
        self.statistics.misses += len(rest)
        self.statistics.hits += len(missing) - len(rest)
        if rest:
            task = asyncio.create_task(self._fetch(rest))
            task.add_done_callback(lambda task: self._settle(task, rest))
            self._pending.update(dict.fromkeys(rest, task))
        return {self._pending[key] for key in missing}

    async def _fetch(self, texts: dict[bytes, str]) -> dict[bytes, Embeddings]:
        rows = await self._inner.embed(list(texts.values()))
        return dict(zip(texts, rows, strict=True))

    def _settle(self, task: asyncio.Task[dict[bytes, Embeddings]], keys: dict[bytes, str]) -> None:
        for key in keys:
            del self._pending[key]
        # Asking for the exception also says that somebody has seen it, when every waiter was cancelled.
        if not task.cancelled() and task.exception() is None:
            for key, row in task.result().items():
                self._store(key, row)

    def _store(self, key: bytes, row: Embeddings) -> None:
        if self._capacity < 1:
            return
        if self._rows is None:
            self._rows = np.zeros((self._capacity, len(row)), dtype=np.float32)
        if len(self._places) < self._capacity:
            place = len(self._places)
        else:
            _, place = self._places.popitem(last=False)
            self.statistics.evictions += 1
        self._rows[place] = row
        self._places[key] = place
