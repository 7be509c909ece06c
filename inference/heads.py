"""Heads: small linear maps from an embedding to labels or to a polarity, applied in the worker.

A head is versioned together with the encoder whose embeddings it reads, so that it can change within seconds while
cached embeddings stay valid.
"""

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..schemas.errors import ArtefactError
from .artefacts import need, pack, sha256_hex, unpack
from .embedder import Embeddings

_KIND = "head"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Head:
    """A linear map on the embedding for one task.

    Attributes:
        task: What it tells: `interest`, `sentiment`, `intent`, ...
        version: Grows with each publication for this task.
        encoder: Name of the encoder whose embeddings it reads.
        labels: What the rows stand for, in the order of their ids; ids never change, new labels are appended.
        weights: Shape (k, d), float32.
        bias: Shape (k,), float32.
        temperature: Logits are divided by it before the softmax.
    """

    task: str
    version: int
    encoder: str
    labels: tuple[str, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    temperature: float = 1.0

    def scores(self, embeddings: Embeddings) -> NDArray[np.float32]:
        """What each text says of each label: not negative, made to be summed over events.

        Args:
            embeddings: Shape (n, d), unit length.

        Returns:
            Shape (n, k), float32, each row's sum at most 1.
        """
        logits = self._logits(embeddings) / self.temperature
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        return logits / logits.sum(axis=1, keepdims=True)

    def polarity(self, embeddings: Embeddings) -> NDArray[np.float32]:
        """How positive each text is, for a head with one row (the label `polarity`).

        Returns:
            Shape (n,), float32, from -1 (negative) to 1 (positive).
        """
        return np.clip(self._logits(embeddings)[:, 0], -1.0, 1.0)

    def to_bytes(self) -> bytes:
        """Safetensors with the metadata; the same head gives the same bytes."""
        metadata = {
            "task": self.task,
            "version": str(self.version),
            "encoder": self.encoder,
            "labels": json.dumps(self.labels),
            "temperature": repr(self.temperature),
        }
        return pack(_KIND, {"weights": self.weights, "bias": self.bias}, metadata)

    @classmethod
    def from_bytes(cls, data: bytes, *, sha256: str | None = None) -> "Head":
        """Read what `to_bytes` wrote, compared with `sha256` (hexadecimal) where it is known.

        Raises:
            ArtefactError: Truncated, altered, inconsistent, or with numbers that are not finite.
        """
        if sha256 is not None and sha256_hex(data) != sha256:
            raise ArtefactError("the head does not match its checksum; publish it again")
        tensors, metadata = unpack(_KIND, data)
        weights = need(_KIND, tensors, "weights", (-1, -1))
        return cls(
            task=metadata["task"],
            version=int(metadata["version"]),
            encoder=metadata["encoder"],
            labels=tuple(json.loads(metadata["labels"])),
            weights=weights,
            bias=need(_KIND, tensors, "bias", (len(weights),)),
            temperature=float(metadata["temperature"]),
        )

    def _logits(self, embeddings: Embeddings) -> NDArray[np.float32]:
        return embeddings @ self.weights.T + self.bias
