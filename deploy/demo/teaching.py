"""Teaching the deployment while the demo goes on: labels are sent, and awaited until workers know them."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from ...inference.models import ModelSet
from ...schemas.errors import SetupError
from ...schemas.events import Feedback
from ...stream.store.models import RedisModelStore, load_models
from ...stream.store.redis import RedisStore
from ...stream.worker.status import Role, read_statuses
from .. import wiring
from ..settings import Settings
from .datasets import TASK
from .exam import Examiner
from .learning import Learning
from .newcomer import Newcomer
from .replay import Replay

LEARNING_SECONDS = 300.0  # that labels may take until workers know them
POLL_SECONDS = 0.25
FIRST_LABELS = 20  # of the new topic, before all others
HEAD_SECONDS = 2.0  # between two heads, and until workers have one


class Teacher:
    """Sends labels and looks at what becomes of them.

    Args:
        settings: Of the deployment.
        store: Where processes say how they are, and where heads are.
        replay: Sends.

    Attributes:
        told: Labels that were sent so far; whoever sends others counts them here, too.
    """

    def __init__(self, settings: Settings, store: RedisStore, replay: Replay) -> None:
        self.told = 0
        self._settings, self._store, self._replay = settings, store, replay

    async def tell(self, labels: Sequence[Feedback]) -> None:
        """Send labels, and return when workers have the head that follows from them and all before."""
        await self._replay.send(labels)
        self.told += len(labels)
        await self._until("learner", lambda said: said["learned"] + said["unusable"] >= self.told, LEARNING_SECONDS)
        version = (await models(self._settings, self._store)).heads[TASK].version
        await self._until("worker", lambda said: said["heads"].get(TASK, 0) >= version, LEARNING_SECONDS)

    async def introduce(self, newcomer: Newcomer, learning: Learning, examiner: Examiner) -> None:
        """The topic that nobody was told of comes up: a few labels first, then all that there are."""
        if not newcomer.told:
            return
        await self.tell(())
        learning.topic, learning.before = newcomer.topic, await examiner.grade()
        began = time.monotonic()
        first, others = newcomer.told[:FIRST_LABELS], newcomer.told[FIRST_LABELS:]
        await self._replay.send(first)
        self.told += len(first)
        await self._until_known(newcomer.topic)
        learning.first, learning.told, learning.seconds = len(first), len(first), time.monotonic() - began
        learning.few = await examiner.grade()
        await self.tell(others)
        await asyncio.sleep(HEAD_SECONDS)  # a head may be on its way
        learning.told, learning.known = len(newcomer.told), await examiner.grade()

    async def _until_known(self, topic: str) -> None:
        """Wait until all workers use a head that has the topic."""

        async def known() -> bool:
            head = (await models(self._settings, self._store)).heads.get(TASK)
            workers = (await read_statuses(self._store.client, "worker")).values()
            if head is None or topic not in head.labels:
                return False
            return all(said["heads"].get(TASK, 0) >= head.version for said in workers)

        try:
            async with asyncio.timeout(LEARNING_SECONDS):
                while not await known():  # noqa: ASYNC110  as in _until
                    await asyncio.sleep(POLL_SECONDS / 2)
        except TimeoutError:
            raise SetupError(f"workers did not hear of a label within {LEARNING_SECONDS:.0f} s") from None

    async def _until(self, role: Role, true: Callable[[dict[str, Any]], bool], patience: float) -> None:
        """Wait until every process of a role says so."""
        try:
            async with asyncio.timeout(patience):
                # Another process says it, through Redis: there is nothing to be woken by.
                while not await self._all(role, true):  # noqa: ASYNC110
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise SetupError(f"the {role} did not learn within {patience:.0f} s; its log says why") from None

    async def _all(self, role: Role, true: Callable[[dict[str, Any]], bool]) -> bool:
        said = (await read_statuses(self._store.client, role)).values()
        return bool(said) and all(true(item) for item in said)


async def models(settings: Settings, store: RedisStore) -> ModelSet:
    """Codebook, heads and ways of the encoder that answers now."""
    return await load_models(RedisModelStore(store.client), await wiring.champion(settings))
