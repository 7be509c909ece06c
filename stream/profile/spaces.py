"""Vectors of another encoder: carried over where a map leads here, set aside where none does, never added to ours."""

from collections.abc import Container, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...inference.spaces import Way
from .table import CodeSums, Integers, ProfileTable


def carry(table: ProfileTable, models: Sequence[str], ways: Mapping[str, Way]) -> None:
    """Carry the vector sums of each row, in place, over the way from its encoder, if there is one.

    It is linear, so this is what summing mapped events would have given. Codes keep their numbers: the codebook moves
    along (see `continual/migration`).

    Args:
        table: n rows.
        models: The encoder of each row's vectors, n names.
        ways: By encoder.
    """
    for model in sorted(set(models) & ways.keys()):
        theirs = np.array([name == model for name in models])
        table.vector[theirs] = ways[model].carry(table.vector[theirs])
        codes, entries = table.codes, theirs[table.codes.row]
        codes.vector[entries] = ways[model].carry_codes(
            codes.vector[entries], codes.weight[entries], codes.code[entries]
        )


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
