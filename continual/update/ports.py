"""What a job needs from outside; `deploy/updating.py` has the real ones."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ...inference.embedder import Embedder, Embeddings
from ...inference.pool import Served
from ..publish.bundle import Bundle
from ..publish.versions import ModelVersion
from .lessons import Lesson

Say = Callable[[str], None]
Progress = Callable[[int, int], None]


class Models(Protocol):
    """Moves encoders from state to state: `publish.publisher.Publisher`, where every step may be repeated."""

    async def champion(self) -> ModelVersion:
        """The version that answers."""
        ...

    async def write(self, folder: Path, report: Say = ...) -> ModelVersion:
        """Export a fine-tuned encoder beside the champion; look at its state, it may be refused."""
        ...

    def local(self, name: str) -> Embedder:
        """A written version in this process."""
        ...

    async def bundle(self, name: str) -> Bundle:
        """What goes with a version now."""
        ...

    async def equip(self, name: str, bundle: Bundle) -> ModelVersion:
        """Put codebook, heads and maps beside a candidate."""
        ...

    async def load(self, name: str) -> ModelVersion:
        """Have the server load it."""
        ...

    async def warm(self, name: str) -> ModelVersion:
        """Warm it up and compare its answers."""
        ...

    async def shadow(self, name: str, texts: AsyncIterator[Sequence[str]]) -> ModelVersion:
        """Ask it live texts beside the champion."""
        ...

    async def trial(self, name: str, served: Callable[[], Awaitable[Mapping[str, Served]]]) -> ModelVersion:
        """Try it on some users, until workers made enough calls."""
        ...

    async def promote(self, name: str) -> ModelVersion:
        """Make it the champion."""
        ...

    async def refuse(self, name: str, reason: str) -> ModelVersion:
        """End a candidate."""
        ...


class Trainer(Protocol):
    """Fine-tunes an encoder. Called in a thread."""

    def train(
        self, source: Path, lessons: Sequence[Lesson], new: frozenset[tuple[str, str]], target: Path, progress: Progress
    ) -> Mapping[str, float]:
        """Train.

        Args:
            source: Folder of the champion's weights.
            lessons: What to learn from; none of them is held out.
            new: Tasks and labels that the champion was not trained on.
            target: A folder that is not there yet: for the new encoder, in the layout of the source.
            progress: Told steps done and in all.

        Returns:
            Figures for the report.

        Raises:
            ArtefactError: It came to nothing, e.g. as the loss is not finite.
        """
        ...

    def embed(self, folder: Path, texts: Sequence[str]) -> Embeddings:
        """By the weights in a folder of an encoder, without any export: what an export has to equal."""
        ...


class World(Protocol):
    """The rest of the deployment."""

    @property
    def repository(self) -> Path:
        """The model repository's folder."""
        ...

    async def lessons(self) -> list[Lesson]:
        """All labelled texts that are kept, redacted, in a fixed order."""
        ...

    def weights(self, encoder: str) -> Path:
        """The folder with the weights of an encoder that was published here, or will be."""
        ...

    def live_texts(self, spare: Sequence[str]) -> AsyncIterator[Sequence[str]]:
        """Batches of texts as users write them, for a while; `spare` where nobody writes."""
        ...

    async def served(self) -> Mapping[str, Served]:
        """What all workers together asked of each model."""
        ...

    async def migrate(self, encoder: str, progress: Progress) -> Mapping[str, int]:
        """Carry all stored profiles into the space of the encoder in use; returns what became of them."""
        ...
