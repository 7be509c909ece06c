"""A bounded, even sample of labelled texts, by which heads are compared and calibrated.

Those whose hash is smallest (bottom-k: Cohen & Kaplan, PODC 2007): whichever way texts came, were merged or taken out,
it is the same sample of those that are left, until more were taken out than the sample has room for.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from ...inference.embedder import Embeddings
from .sums import FOLD, Ids


class Sample:
    """At most `size` labelled texts.

    Attributes:
        rows: Embeddings on the grid, shape (n, d).
        ids: Of their labels, shape (n,).
    """

    def __init__(self, dimensions: int, size: int = FOLD) -> None:
        self.rows: Embeddings = np.zeros((0, dimensions), np.float32)
        self.ids: Ids = np.zeros(0, np.intp)
        self._size = size
        self._keys: NDArray[np.uint64] = np.zeros(0, np.uint64)

    def add(self, rows: Embeddings, ids: Ids) -> None:
        """Offer texts."""
        keys = np.concatenate([self._keys, _keys(rows)])
        every, labels = np.concatenate([self.rows, rows]), np.concatenate([self.ids, ids])
        kept = np.lexsort((labels, keys))[: self._size]
        self._keys, self.rows, self.ids = keys[kept], every[kept], labels[kept]

    def remove(self, rows: Embeddings, ids: Ids) -> None:
        """Take those out that are in it."""
        kept = np.ones(len(self._keys), dtype=bool)
        for key, label in zip(_keys(rows), ids, strict=True):
            found = np.flatnonzero(kept & (self._keys == key) & (self.ids == label))
            kept[found[:1]] = False
        self._keys, self.rows, self.ids = self._keys[kept], self.rows[kept], self.ids[kept]


def _keys(rows: Embeddings) -> NDArray[np.uint64]:
    digests = [hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in np.ascontiguousarray(rows)]
    return np.frombuffer(b"".join(digests), dtype=np.uint64)
