"""How much of re-embedding a map gives back."""

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.floating]

NEIGHBOURS = 10


def unit(vectors: Vectors) -> NDArray[np.float64]:
    """Rows of length 1; rows of zeros stay zeros."""
    rows = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    scaled: NDArray[np.float64] = rows / np.where(lengths > 0, lengths, 1.0)
    return scaled


def mean_cosine(mapped: Vectors, exact: Vectors) -> float:
    """Mean cosine of each row of `mapped` to the same row of `exact`, both of shape (n, r)."""
    return float((unit(mapped) * unit(exact)).sum(axis=1).mean())


def neighbours_kept(mapped: Vectors, exact: Vectors, most: int = NEIGHBOURS) -> float:
    """Share of each exact vector's nearest others that its mapped vector finds among the exact ones.

    Args:
        mapped: Shape (n, r).
        exact: Shape (n, r).
        most: How many neighbours; fewer where there are not so many others.
    """
    most = min(most, len(exact) - 1)
    wanted, found = (_nearest(rows, exact, most) for rows in (exact, mapped))
    return float(np.mean([len(np.intersect1d(w, f)) / most for w, f in zip(wanted, found, strict=True)]))


def _nearest(queries: Vectors, rows: Vectors, most: int) -> NDArray[np.intp]:
    cosines = unit(queries) @ unit(rows).T
    np.fill_diagonal(cosines, -np.inf)  # not itself
    best: NDArray[np.intp] = np.argpartition(-cosines, most - 1, axis=1)[:, :most]
    return best
