"""Who is most like whom: cosines to one row of a large matrix of float16, a piece at a time."""

import numpy as np
from numpy.typing import NDArray

_PIECE = 4096  # rows that are made float32 at a time: numpy multiplies float16 without BLAS, 50 times as slowly


def likest(vectors: NDArray[np.float16], rows: NDArray[np.int64], one: int, most: int) -> tuple[list[int], list[float]]:
    """The rows most like `vectors[one]`, without itself, and their cosines after the mean of all is taken away.

    Sums of a sentence encoder's embeddings all point roughly one way; what is common to all says nothing about anybody
    (Mu and Viswanath, "All-but-the-Top", ICLR 2018).

    Args:
        vectors: Unit rows, shape (n, d).
        rows: Which of them to compare, with `one` among them, shape (m,).
        one: The row to compare with.
        most: At most so many.
    """
    mean = _mean(vectors, rows)
    target = vectors[one].astype(np.float32) - mean
    cosines = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _PIECE):
        piece = vectors[rows[start : start + _PIECE]].astype(np.float32) - mean
        lengths = np.linalg.norm(piece, axis=1) * np.linalg.norm(target)
        cosines[start : start + _PIECE] = piece @ target / np.maximum(lengths, 1e-12)
    cosines[rows == one] = -np.inf
    most = min(most, len(rows) - 1)
    best = np.argsort(-cosines, kind="stable")[:most]
    return rows[best].tolist(), np.clip(cosines[best], -1.0, 1.0).tolist()


def _mean(vectors: NDArray[np.float16], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    if len(rows) < 3:  # of two, the difference from their mean is always opposite
        return np.zeros(vectors.shape[1], np.float32)
    total = np.zeros(vectors.shape[1], np.float64)
    for start in range(0, len(rows), _PIECE):
        total += vectors[rows[start : start + _PIECE]].astype(np.float32).sum(axis=0)
    return (total / len(rows)).astype(np.float32)
