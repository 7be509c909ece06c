"""The in-process encoder: the twin of Triton, with the same model file and the same code around it."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..schemas.errors import SetupError
from .embedder import Embeddings
from .repository import ServingOptions, open_model
from .texts import MOST_TEXT_BYTES, distinct


class LocalEmbedder:
    """An `Embedder` on ONNX Runtime in a thread of its own, so that the event loop stays free; no torch.

    Args:
        model_dir: A model's folder in a repository, `<repository>/<name>`; every file is checked first.
        options: As for Triton; `instances` and `queue_delay` do not apply.

    Raises:
        ArtefactError: A file is missing or damaged.
        SetupError: The packages of the `local` extra are missing.
    """

    def __init__(self, model_dir: Path, options: ServingOptions | None = None) -> None:
        try:  # not at the top: a worker that talks to Triton needs neither package, nor their memory
            from .triton_model.text_encoder import TextEncoder  # noqa: PLC0415
        except ImportError as error:
            raise SetupError(
                f"The in-process encoder needs {error.name}: pip install 'profilestream[local]'."
            ) from error
        options = options or ServingOptions()
        directory = open_model(model_dir)
        self._manifest = directory.manifest
        self._encoder = TextEncoder(
            directory.artefacts,
            max_tokens=self._manifest.max_tokens,
            threads=options.threads,
            token_budget=options.token_budget,
            providers=options.providers,
        )
        # One call at a time: the encoder already uses all cores for it.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="encoder")

    @property
    def model(self) -> str:
        """The model's name in the repository."""
        return self._manifest.model

    @property
    def dimensions(self) -> int:
        """Length of an embedding."""
        return self._manifest.dimensions

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Embeddings of unit length, shape (len(texts), dimensions); characters that UTF-8 lacks are replaced."""
        encoded, positions = distinct(texts, MOST_TEXT_BYTES)
        loop = asyncio.get_running_loop()
        rows: Embeddings = await loop.run_in_executor(self._thread, self._encoder.encode, encoded)
        return rows[positions]

    async def close(self) -> None:
        """End the threads, after the batch it is working on."""
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)
        self._encoder.close()
