"""Vectors of another encoder: carried over where a map leads here, set aside where none does, never added to ours."""

from collections.abc import Container, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .table import CodeSums, Floats, Integers, ProfileTable


def carry(table: ProfileTable, models: Sequence[str], ways: Mapping[str, Floats]) -> None:
    """Multiply the vector sums of each row, in place, by the matrix of its encoder, if there is one.

    Sums are linear, so this is what summing mapped events would have given. Codes keep their numbers: the
    codebook moves along (see `continual/migration`).

    Args:
        table: n rows.
        models: The encoder of each row's vectors, n names.
        ways: Matrices of shape (D, D), by encoder.
    """
    for model in sorted(set(models) & ways.keys()):
        theirs = np.array([name == model for name in models])
        table.vector[theirs] = table.vector[theirs] @ ways[model]
        entries = theirs[table.codes.row]
        table.codes.vector[entries] = table.codes.vector[entries] @ ways[model]


def drop_vectors(table: ProfileTable, rows: Integers) -> None:
    """Take the vectors of some rows out, in place; everything that depends on no encoder stays."""
    if not len(rows):
        return
    table.vector[rows] = 0.0
    codes, kept = table.codes, ~np.isin(table.codes.row, rows)
    table.codes = CodeSums(codes.row[kept], codes.code[kept], codes.weight[kept], codes.vector[kept])


def elsewhere(models: Sequence[str], ours: str, ways: Container[str]) -> NDArray[np.bool_]:
    """Which rows hold vectors of an encoder that no way leads from to `ours`, shape (n,)."""
    return np.array([model != ours and model not in ways for model in models], dtype=bool)
