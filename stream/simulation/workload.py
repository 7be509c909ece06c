"""Users, events, poison messages, and models that any encoder can be used with."""

import random

import numpy as np
from numpy.typing import NDArray

from ...inference.codebook import Codebook
from ...inference.embedder import Embedder
from ...inference.heads import Head
from ...inference.models import ModelSet
from ...schemas.codec import encode
from ...schemas.events import EVENT_TYPES, UserEvent
from ...schemas.validation import SPOKEN_TYPES
from ..profile.layout import DAY_MS, Layout

NOW = 1_700_000_000_000
CODES = 16
BUSY, RARE = 5, 200  # users
DIMENSIONS = 16  # of an embedding
LAYOUT = Layout(dimensions=8, codes=CODES)
"""Small vectors; room for every code, because which one is evicted depends on the order."""

_WORDS = ("cat", "dog", "train", "rain", "bread", "song", "goal", "film", "tea", "garden")


def small_models(embedder: Embedder) -> ModelSet:
    """A codebook and two heads, drawn at random."""
    rng = np.random.default_rng(0)
    d = embedder.dimensions

    def rows(count: int) -> NDArray[np.float32]:
        drawn = rng.normal(size=(count, d)).astype(np.float32)
        unit: NDArray[np.float32] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
        return unit

    projection = np.linalg.qr(rng.normal(size=(d, LAYOUT.dimensions)))[0].T.astype(np.float32)
    models = ModelSet(Codebook(encoder=embedder.model, seed=0, codes=rows(CODES), projection=projection))
    for task, labels in (("interest", ("cats", "dogs", "trains")), ("sentiment", ("polarity",))):
        head = Head(
            task=task,
            version=1,
            encoder=embedder.model,
            labels=labels,
            weights=rows(len(labels)) * 5,
            bias=np.zeros(len(labels), np.float32),
        )
        models = models.with_head(head)
    return models


def draw_event(dice: random.Random, number: int) -> UserEvent:
    """A valid event; some are late by days, some say nothing.

    Half of them are of a few users, in whose profiles things happen again and again, the others of users who come once
    or twice: what goes wrong there, no later event makes good.
    """
    kind = dice.choice(EVENT_TYPES)
    says = kind in SPOKEN_TYPES or dice.random() < 0.2
    late = dice.choice((0.0, 0.0, dice.uniform(0, DAY_MS), dice.uniform(0, 40 * DAY_MS)))
    return UserEvent(
        id=f"event-{number}",
        user=f"user-{dice.choice((dice.randrange(BUSY), dice.randrange(RARE)))}",
        type=kind,
        time=int(NOW + 1000 * number - late),
        text=" ".join(dice.choices(_WORDS, k=dice.randint(1, 5))) if says else None,
    )


def draw_poison(dice: random.Random, event: UserEvent) -> bytes | None:
    """Something in an event's place that is none."""
    whole = encode(event)
    return dice.choice((None, b"", b"{json}", whole[:-1], whole + b"\x00", b"\xc3\x01\x00\x00\x00\x00\x00\x00\x00\x00"))
