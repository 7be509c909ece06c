"""Every buffer, and items for them."""

import numpy as np

from profilestream.continual.buffer.balanced import BalancedBuffer
from profilestream.continual.buffer.item import Item
from profilestream.continual.buffer.reservoir import ReservoirBuffer

BUFFERS = (ReservoirBuffer, BalancedBuffer)


def item(id_: str, *, label: str = "a", user: str = "ada", text: str = "words", time: int = 0) -> Item:
    """An item with small arrays."""
    return Item(
        id=id_,
        text=text,
        label=label,
        task="interest",
        user=user,
        model="encoder-v1",
        time=time,
        logits=np.array([1.5, -2.0], np.float32),
        embedding=np.array([0.6, 0.8, 0.0], np.float32),
    )


def ids(buffer) -> set[str]:
    """What is in it."""
    return {kept.id for kept in buffer.items()}
