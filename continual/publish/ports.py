"""What a publisher needs from outside; `deploy/models.py` has the real ones."""

from typing import Protocol

from ...inference.embedder import Embedder
from ...schemas.events import ModelEvent


class ArtefactStore(Protocol):
    """Where workers look: one artefact a name. All methods raise StoreUnavailableError: try again."""

    async def put(self, name: str, data: bytes) -> None:
        """Put an artefact in place of the one of this name, atomically."""

    async def get(self, name: str) -> bytes | None:
        """The artefact of this name, None where there is none.

        Raises:
            ArtefactError: It does not match its checksum.
        """

    async def names(self) -> list[str]:
        """All names."""
        ...


class Announcer(Protocol):
    """Tells whoever follows models."""

    async def announce(self, event: ModelEvent) -> None:
        """Tell; returns when it is safe.

        Raises:
            UnavailableError: A service does not answer; the same call may work later.
        """


class ModelServer(Protocol):
    """Where models run: Triton, or its twin in-process."""

    async def load(self, model: str) -> None:
        """Load a model of the repository; nothing happens where it is loaded already.

        Raises:
            ArtefactError: It cannot be loaded, e.g. because a file does not match its checksum.
            InferenceUnavailableError: The server does not answer.
        """

    async def unload(self, model: str) -> None:
        """Take a model out; nothing happens where it is not loaded.

        Raises:
            InferenceUnavailableError: The server does not answer.
        """

    async def loaded(self) -> set[str]:
        """Names of the models that answer.

        Raises:
            InferenceUnavailableError: The server does not answer.
        """
        ...

    async def connect(self, model: str) -> Embedder:
        """A connection to a loaded model; whoever asked closes it.

        Raises:
            InferenceUnavailableError: It does not answer.
        """
        ...

    async def close(self) -> None:
        """Release the connection."""
