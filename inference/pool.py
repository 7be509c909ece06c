"""The encoders that a process uses: one connection each, opened when a model comes into use, closed when it is not."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..schemas.errors import ProfilestreamError
from .cache import CachedEmbedder, CacheStatistics
from .embedder import Embedder, Embeddings


@dataclass(slots=True, kw_only=True)
class Served:
    """What was asked of a model.

    Attributes:
        calls: Calls, also those that failed.
        texts: Texts that were answered.
        failures: Calls that failed.
        seconds: That the calls that did not fail took, together.
    """

    calls: int = 0
    texts: int = 0
    failures: int = 0
    seconds: float = 0.0

    @property
    def failure_share(self) -> float:
        """Failures by call."""
        return self.failures / max(1, self.calls)

    @property
    def mean_seconds(self) -> float:
        """For a call."""
        return self.seconds / max(1, self.calls - self.failures)


class EncoderPool:
    """Gives the embedder of a model by its name.

    Args:
        connect: Makes an embedder; called in a thread, as it may read files.
    """

    def __init__(self, connect: Callable[[str], Embedder]) -> None:
        self._connect = connect
        self._open: dict[str, _Counting] = {}

    @classmethod
    def of(cls, *embedders: Embedder) -> "EncoderPool":
        """A pool of embedders that are there already."""
        by_name = {embedder.model: embedder for embedder in embedders}
        pool = cls(by_name.__getitem__)
        pool._open = {name: _Counting(embedder) for name, embedder in by_name.items()}
        return pool

    def __call__(self, model: str) -> Embedder:
        """The embedder of a model that was opened.

        Raises:
            KeyError: It was not.
        """
        return self._open[model]

    @property
    def served(self) -> dict[str, Served]:
        """What was asked of each open model."""
        return {name: embedder.served for name, embedder in self._open.items()}

    @property
    def caches(self) -> dict[str, CacheStatistics]:
        """What the caches did, for each open model that has one."""
        return {
            name: layer.statistics
            for name, embedder in self._open.items()
            for layer in _layers(embedder)
            if isinstance(layer, CachedEmbedder)
        }

    async def check(self, model: str, timeout: float) -> None:  # noqa: ASYNC109 -- the server needs to know it
        """Ask the server of a model once whether it is there; one without a server is.

        Raises:
            InferenceUnavailableError: No answer within `timeout` seconds.
        """
        for layer in _layers(self._open[model]):
            if isinstance(layer, _Remote):
                await layer.check(timeout)

    async def embed_anew(self, model: str, texts: Sequence[str]) -> Embeddings:
        """Embeddings from the model itself, around any cache: as it answers now, not as it answered once.

        Raises:
            InferenceUnavailableError: It does not answer.
            KeyError: It was not opened.
        """
        *_, innermost = _layers(self._open[model])
        return await innermost.embed(texts)

    async def open(self, model: str) -> Embedder:
        """The embedder of a model, ready to answer; opened now, if it was not.

        Raises:
            InferenceUnavailableError: It does not answer.
            ArtefactError: It is damaged.
        """
        if model not in self._open:
            embedder = await asyncio.to_thread(self._connect, model)
            try:
                await embedder.embed(["ready"])
            except BaseException:
                await embedder.close()
                raise
            self._open[model] = _Counting(embedder)
        return self._open[model]

    async def keep(self, models: Collection[str]) -> None:
        """Close all others; one that is still working, when it is done."""
        for model in self._open.keys() - set(models):
            await self._open.pop(model).release()

    async def close(self) -> None:
        """Close all of them, whatever they are doing."""
        while self._open:
            await self._open.popitem()[1].close()


@runtime_checkable
class _Remote(Protocol):
    """An embedder with a server."""

    async def check(self, timeout: float) -> None:  # noqa: ASYNC109
        """See EncoderPool."""


def _layers(embedder: Embedder) -> Iterator[Embedder]:
    """An embedder, whom it asks, and so on."""
    layer: Embedder | None = embedder
    while layer is not None:
        yield layer
        layer = getattr(layer, "inner", None)


class _Counting:
    """An embedder that counts, and closes when nobody waits for it any more."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self._waiting = 0
        self._released = False
        self.served = Served()

    @property
    def inner(self) -> Embedder:
        return self._inner

    @property
    def model(self) -> str:
        return self._inner.model

    @property
    def dimensions(self) -> int:
        return self._inner.dimensions

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        self._waiting += 1
        self.served.calls += 1
        begun = time.perf_counter()
        try:
            rows = await self._inner.embed(texts)
        except ProfilestreamError:
            self.served.failures += 1
            raise
        else:
            self.served.texts += len(texts)
            self.served.seconds += time.perf_counter() - begun
            return rows
        finally:
            self._waiting -= 1
            if self._released and not self._waiting:
                await self._inner.close()

    async def release(self) -> None:
        self._released = True
        if not self._waiting:
            await self._inner.close()

    async def close(self) -> None:
        await self._inner.close()
