"""Which texts go together: at random, but of similar length, because padding costs as much as words."""

from collections.abc import Sequence

import torch

_BUNCH = 8


def by_length(lengths: Sequence[int], batch: int, seed: int) -> list[list[int]]:
    """Indices in batches, each index once; the same seed gives the same ones.

    Shuffled, then sorted by length within bunches of eight batches, then the batches shuffled again.
    """
    generator = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(len(lengths), generator=generator).tolist()
    found: list[list[int]] = []
    for start in range(0, len(shuffled), batch * _BUNCH):
        bunch = sorted(shuffled[start : start + batch * _BUNCH], key=lengths.__getitem__)
        found += [bunch[at : at + batch] for at in range(0, len(bunch), batch)]
    return [found[index] for index in torch.randperm(len(found), generator=generator).tolist()]
