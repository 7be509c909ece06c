"""Which models an inference server holds: Triton's model control, and its twin in-process."""

import asyncio
from pathlib import Path

from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from ..schemas.errors import ArtefactError, InferenceUnavailableError
from .client import TritonEmbedder
from .embedder import Embedder
from .local import LocalEmbedder
from .repository import open_model

_LOAD_SECONDS = 300.0  # a busy machine takes long to start a Python process
_SECONDS = 10.0
_AWAY = ("StatusCode.UNAVAILABLE", "StatusCode.DEADLINE_EXCEEDED", "StatusCode.CANCELLED")


class TritonModels:
    """Loads and unloads models of a Triton that was started with `--model-control-mode=explicit`.

    Args:
        url: `host:port` of its gRPC endpoint.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: InferenceServerClient | None = None

    async def load(self, model: str) -> None:
        """Load a model of the repository beside the others; nothing happens where it is loaded already.

        Raises:
            ArtefactError: It cannot be loaded; the message has Triton's reason.
            InferenceUnavailableError: Triton does not answer.
        """
        if model in await self.loaded():
            return
        try:
            await self._client().load_model(model, client_timeout=_LOAD_SECONDS)
        except InferenceServerException as error:
            if error.status() in _AWAY:
                raise self._away(error) from error
            raise ArtefactError(f"Triton cannot load {model}: {_reason(error)}") from error

    async def unload(self, model: str) -> None:
        """Take a model out, when requests to it are answered; nothing happens where it is not loaded.

        Raises:
            InferenceUnavailableError: Triton does not answer.
        """
        if model not in await self.loaded():
            return
        try:
            await self._client().unload_model(model, client_timeout=_SECONDS)
        except InferenceServerException as error:
            raise self._away(error) from error

    async def loaded(self) -> set[str]:
        """Names of the models that answer.

        Raises:
            InferenceUnavailableError: Triton does not answer.
        """
        try:
            index = await self._client().get_model_repository_index(client_timeout=_SECONDS)
        except InferenceServerException as error:
            raise self._away(error) from error
        return {model.name for model in index.models if model.state == "READY"}

    async def connect(self, model: str) -> Embedder:
        """A connection to a loaded model; whoever asked closes it.

        Raises:
            InferenceUnavailableError: It does not answer.
        """
        embedder = TritonEmbedder(self._url, model)
        try:
            await embedder.wait_ready(_SECONDS)
        except BaseException:
            await embedder.close()
            raise
        return embedder

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _client(self) -> InferenceServerClient:
        if self._connection is None:  # made in the event loop that uses it
            self._connection = InferenceServerClient(self._url)
        return self._connection

    def _away(self, error: InferenceServerException) -> InferenceUnavailableError:
        return InferenceUnavailableError(f"Triton at {self._url} does not take models: {_reason(error)}")


class LocalModels:
    """The twin where each process runs encoders by itself: a model is as good as loaded when its files are whole.

    Args:
        repository: Where the models are.
    """

    def __init__(self, repository: Path) -> None:
        self._repository = repository

    async def load(self, model: str) -> None:
        """Check a model's files.

        Raises:
            ArtefactError: One is missing or damaged.
        """
        await asyncio.to_thread(open_model, self._repository / model)

    async def unload(self, model: str) -> None:
        """Nothing: processes close an encoder when the pointer leaves it."""

    async def loaded(self) -> set[str]:
        """All that are in the repository."""
        return {path.name for path in self._repository.iterdir() if not path.name.startswith(".")}

    async def connect(self, model: str) -> Embedder:
        """An encoder in this process; whoever asked closes it.

        Raises:
            ArtefactError: A file of it is missing or damaged.
        """
        return await asyncio.to_thread(LocalEmbedder, self._repository / model)

    async def close(self) -> None:
        """Nothing to release."""


def _reason(error: InferenceServerException) -> str:
    return " ".join(str(error.message()).split())[:300]
