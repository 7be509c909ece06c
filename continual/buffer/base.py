"""One interface for all buffers, and the one way in which they choose what stays.

Each item gets a rank from the seed and its own id, never from the order of arrival: the items with the lowest
ranks stay. This is reservoir sampling (Vitter, 1985) as a bottom-k sample: a crash, a replay or a repetition cannot
change it. Buffers differ in what the rank is weighed by, and in the group that has to give an item up.
"""

import hashlib
import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...schemas.errors import ConfigurationError
from .item import Item
from .storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a buffer may hold; None: no limit.

    Attributes:
        items: Most items.
        bytes: Most bytes, as `Item.size` counts them.
        per_user: Most items of one user, so that nobody's writing dominates what is learned.
    """

    items: int | None = None
    bytes: int | None = 64 * 2**20
    per_user: int | None = None

    def __post_init__(self) -> None:
        for limit in (self.items, self.bytes, self.per_user):
            if limit is not None and limit < 1:
                raise ConfigurationError(f"a buffer's limits must be at least 1, found {limit}")


class Buffer(ABC):
    """A bounded choice of labelled texts, on disk or in memory.

    Args:
        path: A database file, made where there is none; None: in memory, for one process's life.
        limits: How much to hold.
        seed: Decides which items stay; another one keeps another choice.

    Raises:
        ArtefactError: The file is damaged, or is not a buffer.
    """

    def __init__(self, path: Path | None = None, *, limits: Limits | None = None, seed: int = 0) -> None:
        self.limits = limits or Limits()
        self.seed = seed
        self._storage = Storage(path)

    @abstractmethod
    def group(self, item: Item) -> str:
        """Items of the largest group have to go first."""

    @abstractmethod
    def rank(self, item: Item, chance: float) -> float:
        """Items with the highest ranks of their group have to go first.

        Args:
            item: To be ranked, once and for all.
            chance: Uniform in (0, 1), from the seed and the item's id.
        """

    def add(self, items: Iterable[Item]) -> None:
        """Take items in and let go of others, all or nothing: after a crash either has happened.

        Raises:
            ArtefactError: The disk is full, or the file cannot be written.
        """
        with self._storage.transaction():
            for item in items:
                self._storage.put(item, self.group(item), self.rank(item, _chance(self.seed, item.id)))
                self._keep_to_user_limit(item.user)
            self._keep_to_limits()

    def sample(self, count: int, random: np.random.Generator) -> list[Item]:
        """Up to `count` different items, each equally likely; the same state of `random` gives the same ones."""
        ids = self._storage.ids()
        chosen = random.permutation(len(ids))[:count]
        return self._storage.get([ids[index] for index in chosen])

    def items(self) -> list[Item]:
        """All items, in the order of their ids."""
        return self._storage.get(self._storage.ids())

    def remove_user(self, user: str) -> int:
        """Erase everything of one user, so that no trace stays in the file; returns how many items that were.

        Raises:
            ArtefactError: The file cannot be written.
        """
        with self._storage.transaction():
            removed = self._storage.remove_user(user)
        self._storage.wipe()
        return removed

    def labels(self) -> Counter[str]:
        """How many items each label has."""
        return Counter(self._storage.count_by("label"))

    def users(self) -> Counter[str]:
        """How many items each user has."""
        return Counter(self._storage.count_by("user"))

    @property
    def bytes(self) -> int:
        """What the items take, as `Item.size` counts it."""
        return self._storage.totals()[1]

    def __len__(self) -> int:
        return self._storage.totals()[0]

    def close(self) -> None:
        """Close the file; what was added is there already."""
        self._storage.close()

    def __enter__(self) -> "Buffer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep_to_user_limit(self, user: str) -> None:
        if self.limits.per_user is not None:
            self._storage.trim_user(user, self.limits.per_user)

    def _keep_to_limits(self) -> None:
        count, size = self._storage.totals()
        while count > (self.limits.items or math.inf) or size > (self.limits.bytes or math.inf):
            size -= self._storage.evict()
            count -= 1


def _chance(seed: int, id_: str) -> float:
    """Uniform in (0, 1): the same on every machine, and never 0 or 1."""
    digest = hashlib.blake2b(f"{seed}\0{id_}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) * 2.0**-53 + 2.0**-54
