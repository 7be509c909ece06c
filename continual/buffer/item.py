"""What a replay buffer holds: one labelled text, and what the model made of it when it came in."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


def _nothing() -> NDArray[np.float32]:
    return np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Item:
    """A labelled text.

    Attributes:
        id: Unique, e.g. the id of the feedback; an item that is added again replaces the one before.
        text: Redacted.
        label: What it was labelled.
        task: What the label tells: `interest`, `intent`, ...
        user: Who wrote it; what removal and the cap a user go by.
        model: Version of the encoder at insertion.
        time: Of the label, in milliseconds since 1970.
        logits: The model's at insertion, one for each label that it knew then, float32: what DER++ distils from.
        embedding: The model's at insertion, shape (d,), float32.
    """

    id: str
    text: str = field(repr=False)
    label: str
    task: str
    user: str = field(repr=False)
    model: str
    time: int
    logits: NDArray[np.float32] = field(default_factory=_nothing, repr=False)
    embedding: NDArray[np.float32] = field(default_factory=_nothing, repr=False)

    @property
    def size(self) -> int:
        """Bytes that it takes, without the database's own overhead."""
        words = (self.id, self.text, self.label, self.task, self.user, self.model)
        return sum(len(word.encode()) for word in words) + 8 + self.logits.nbytes + self.embedding.nbytes
