"""What is noted of texts and labels: small enough to travel from every worker, whole enough to be judged together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ...inference.artefacts import Tensors, need, need_value, pack, unpack

_KIND = "drift notes"
EXCERPT = 80  # characters of a text


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Notes of n texts in the order in which they were seen.

    Attributes:
        codes: Nearest code of the codebook, shape (n,), uint16.
        novelty: 1 - cosine to that code, shape (n,), float32.
        confidence: Highest score of any label, 0 to 1, shape (n,), float32.
        texts: Their beginnings, redacted; n of them.
    """

    codes: NDArray[np.uint16]
    novelty: NDArray[np.float32]
    confidence: NDArray[np.float32]
    texts: tuple[str, ...]

    @classmethod
    def empty(cls) -> Self:
        """No texts."""
        return cls(np.zeros(0, np.uint16), np.zeros(0, np.float32), np.zeros(0, np.float32), ())

    @classmethod
    def join(cls, parts: "Sequence[Rows]") -> Self:
        """One after the other."""
        return cls(
            np.concatenate([np.zeros(0, np.uint16), *(part.codes for part in parts)]),
            np.concatenate([np.zeros(0, np.float32), *(part.novelty for part in parts)]),
            np.concatenate([np.zeros(0, np.float32), *(part.confidence for part in parts)]),
            tuple([text for part in parts for text in part.texts]),
        )

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, part: slice) -> "Rows":
        return Rows(self.codes[part], self.novelty[part], self.confidence[part], self.texts[part])


@dataclass(frozen=True, slots=True, eq=False)
class Notes:
    """What a process noted since its last report.

    Attributes:
        rows: Of texts.
        errors: Of labels that came as feedback: 1 where the model had said otherwise, shape (m,), uint8.
    """

    rows: Rows
    errors: NDArray[np.uint8]

    def to_bytes(self) -> bytes:
        """Safetensors; about 10 bytes a text and its beginning."""
        tensors: Tensors = {"codes": self.rows.codes, "novelty": self.rows.novelty, "confidence": self.rows.confidence}
        return pack(_KIND, {**tensors, "errors": self.errors}, {"texts": self.rows.texts})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            ArtefactError: Truncated, altered or inconsistent.
        """
        tensors, metadata = unpack(_KIND, data)
        texts = tuple(need_value(_KIND, metadata, "texts", list))
        shape = (len(texts),)
        rows = Rows(
            need(_KIND, tensors, "codes", shape),
            need(_KIND, tensors, "novelty", shape),
            need(_KIND, tensors, "confidence", shape),
            texts,
        )
        return cls(rows, need(_KIND, tensors, "errors", (-1,)))
