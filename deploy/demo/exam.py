"""How well openings of conversations whose topics are never told are recognised: by the heads in use now."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...inference.embedder import Embeddings
from ...stream.store.models import RedisModelStore, load_models
from ...stream.store.redis import RedisStore
from .. import wiring
from ..settings import Settings
from .datasets import TASK, Conversation, opening

_OTHERS = 300  # texts of other topics, beside all of the new one
_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A text and its topic, which nobody is told."""

    text: str
    topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """Shares of right answers.

    Attributes:
        encoder: Who answered.
        topic: Of the texts of the new topic.
        all: Of all texts that are asked.
    """

    encoder: str
    topic: float
    all: float


def questions(conversations: Sequence[Conversation], topic: str) -> list[Question]:
    """All openings of the topic and an even share of the others', of conversations that are held back."""
    found = [
        Question(text=message.text, topic=conversation.topic)
        for conversation in conversations
        if conversation.topic is not None and not conversation.labelled
        for message in opening(conversation)
    ]
    others = [item for item in found if item.topic != topic]
    return [item for item in found if item.topic == topic] + others[:: max(1, len(others) // _OTHERS)]


class Examiner:
    """Asks the champion.

    Args:
        settings: Of the deployment.
        store: Where heads are.
        topic: The new one.
        asked: What is asked.
    """

    def __init__(self, settings: Settings, store: RedisStore, topic: str, asked: Sequence[Question]) -> None:
        self._settings = settings
        self._models = RedisModelStore(store.client)
        self._texts = [item.text for item in asked]
        self._topics = np.array([item.topic for item in asked])
        self._new = self._topics == topic
        self._embedded: dict[str, Embeddings] = {}

    async def grade(self) -> Grade:
        """As it stands now; a label that no head knows is never right."""
        encoder = await wiring.champion(self._settings)
        if encoder not in self._embedded:
            self._embedded[encoder] = await self._embed(encoder)
        head = (await load_models(self._models, encoder)).heads[TASK]
        answers = np.array(head.labels)[head.scores(self._embedded[encoder]).argmax(axis=1)]
        right = answers == self._topics
        return Grade(encoder=encoder, topic=float(right[self._new].mean()), all=float(right.mean()))

    async def _embed(self, encoder: str) -> Embeddings:
        embedder = await wiring.encoders(self._settings).open(encoder)
        try:
            batches = [self._texts[at : at + _BATCH] for at in range(0, len(self._texts), _BATCH)]
            return np.concatenate([await embedder.embed(batch) for batch in batches])
        finally:
            await embedder.close()
