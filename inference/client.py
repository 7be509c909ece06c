"""The Triton client: texts to embeddings over gRPC, with deadlines, retries and a bound on every request."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import structlog
from tritonclient.grpc import InferInput, InferRequestedOutput
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from ..schemas.errors import ConfigurationError, InferenceUnavailableError, ProfilestreamError
from .embedder import Embeddings
from .retry import RetryPolicy, retry
from .texts import MOST_TEXT_BYTES, distinct, split

log = structlog.get_logger(__name__)

# Where the model or the request is wrong, trying again does not help. A model that is not there may be loading.
_FINAL = ("StatusCode.INVALID_ARGUMENT", "StatusCode.UNIMPLEMENTED", "StatusCode.UNAUTHENTICATED")

# gRPC's own pauses between connections grow to two minutes; our retries decide when to ask.
_CHANNEL = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.max_receive_message_length", -1),
)


@dataclass(frozen=True, kw_only=True)
class RequestLimits:
    """The size of requests.

    Attributes:
        texts: In one request; the model takes 256 at most.
        bytes: In one request, unless a single text has more.
        text_bytes: Of one text; the rest is cut off, as the encoder would not read it.
        in_flight: Requests at a time, of all calls together.
    """

    texts: int = 128
    bytes: int = 65_536
    text_bytes: int = MOST_TEXT_BYTES
    in_flight: int = 4


class TritonEmbedder:
    """An `Embedder` that asks a Triton Inference Server. One for each process, for all its life.

    Args:
        url: `host:port` of its gRPC endpoint.
        model: Name of a model in its repository.
        dimensions: Length of an embedding; None takes it from the server, when it first answers.
        deadline: Seconds that one call may take, retries included.
        retries: How to try again; its own deadline is replaced by `deadline`.
        limits: The size of requests.
    """

    def __init__(
        self,
        url: str,
        model: str,
        dimensions: int | None = None,
        *,
        deadline: float = 15.0,
        retries: RetryPolicy | None = None,
        limits: RequestLimits | None = None,
    ) -> None:
        self._url = url
        self._model = model
        self._dimensions = dimensions
        self._retries = replace(retries or RetryPolicy(), deadline=deadline)
        self._limits = limits or RequestLimits()
        self._in_flight = asyncio.Semaphore(self._limits.in_flight)
        self._connection: InferenceServerClient | None = None

    @property
    def model(self) -> str:
        """The model that answers."""
        return self._model

    @property
    def dimensions(self) -> int:
        """Length of an embedding.

        Raises:
            InferenceUnavailableError: Neither said nor learned from the server: call `wait_ready` first.
        """
        if self._dimensions is None:
            raise InferenceUnavailableError(f"The dimensions of {self._model} are known when Triton has answered once.")
        return self._dimensions

    async def wait_ready(self, timeout: float) -> None:  # noqa: ASYNC109 -- the retries need to know it
        """Return when the model answers; its dimensions are known then.

        Raises:
            InferenceUnavailableError: It did not within `timeout` seconds.
            ConfigurationError: It is no text encoder, or has other dimensions than was said.
        """
        await retry(replace(self._retries, deadline=timeout), self._learn_dimensions)

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Embeddings of unit length, shape (len(texts), dimensions). Equal texts are sent once.

        Raises:
            InferenceUnavailableError: No answer within the deadline; the same call may work later.
            ConfigurationError: Triton refuses the request for good.
        """
        if self._dimensions is None:
            await retry(self._retries, self._learn_dimensions)
        if not texts:
            return np.empty((0, self.dimensions), dtype=np.float32)
        encoded, positions = distinct(texts, self._limits.text_bytes)
        return (await self._embed_distinct(encoded))[positions]

    async def check(self, timeout: float) -> None:  # noqa: ASYNC109 -- it is Triton that needs to know it
        """Ask once whether the model is there.

        Raises:
            InferenceUnavailableError: No answer within `timeout` seconds.
            ConfigurationError: It is no text encoder.
        """
        await self._learn_dimensions(timeout)

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _embed_distinct(self, texts: Sequence[bytes]) -> Embeddings:
        rows = np.empty((len(texts), self.dimensions), dtype=np.float32)

        async def fill(indices: list[int]) -> None:
            rows[indices] = await self._request([texts[index] for index in indices])

        try:
            async with asyncio.TaskGroup() as group:  # the first failure cancels the others
                for indices in split(texts, most_texts=self._limits.texts, most_bytes=self._limits.bytes):
                    group.create_task(fill(indices))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return rows

    async def _request(self, texts: Sequence[bytes]) -> Embeddings:
        # The deadline is each request's: however slow the encoder, many texts are then many answers, not a failure.
        async with self._in_flight:
            try:
                async with asyncio.timeout(self._retries.deadline):
                    return await retry(self._retries, lambda seconds: self._infer(texts, seconds))
            except TimeoutError:
                raise self._unavailable(f"no answer within {self._retries.deadline:g} s") from None

    async def _infer(self, texts: Sequence[bytes], seconds: float) -> Embeddings:
        tensor = InferInput("TEXT", [len(texts), 1], "BYTES")
        tensor.set_data_from_numpy(np.array(texts, dtype=object).reshape(-1, 1))
        try:
            answer = await self._client().infer(
                self._model, [tensor], outputs=[InferRequestedOutput("EMBEDDING")], client_timeout=seconds
            )
        except InferenceServerException as error:
            raise self._translated(error) from error
        rows: Embeddings | None = answer.as_numpy("EMBEDDING")
        if rows is None or rows.shape != (len(texts), self.dimensions):
            found = None if rows is None else rows.shape
            raise ConfigurationError(f"{self._model} answered {len(texts)} texts with an array of shape {found}.")
        return rows

    async def _learn_dimensions(self, seconds: float) -> None:
        try:
            answer = await self._client().get_model_metadata(self._model, client_timeout=seconds)
        except InferenceServerException as error:
            raise self._translated(error) from error
        shapes = {output.name: list(output.shape) for output in answer.outputs}
        found = int(shapes.get("EMBEDDING", [0])[-1])
        if found <= 0:
            raise ConfigurationError(f"{self._model} on {self._url} is no text encoder: it has no output EMBEDDING.")
        if self._dimensions not in {None, found}:
            raise ConfigurationError(
                f"{self._model} has {found} dimensions, not {self._dimensions}: check the setting."
            )
        self._dimensions = found

    def _client(self) -> InferenceServerClient:
        # Made in the event loop that uses it, kept for ever: gRPC leaks a little with each one.
        if self._connection is None:
            self._connection = InferenceServerClient(self._url, channel_args=list(_CHANNEL))
        return self._connection

    def _translated(self, error: InferenceServerException) -> ProfilestreamError:
        """The one place where Triton's errors become ours."""
        reason = str(error.message()).splitlines()[0][:200]
        if error.status() in _FINAL:
            return ConfigurationError(f"Triton at {self._url} refuses requests to {self._model}: {reason}")
        return self._unavailable(reason)

    def _unavailable(self, reason: str) -> InferenceUnavailableError:
        return InferenceUnavailableError(f"Triton at {self._url} does not answer for {self._model}: {reason}")
