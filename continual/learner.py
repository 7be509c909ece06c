"""From feedback to heads: labels that arrive on the stream change what workers see within seconds."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

import structlog

from ..inference.embedder import Embedder
from ..inference.heads import Head
from ..inference.retry import until_available
from ..schemas.events import Feedback
from .fast_head import FastHead

log = structlog.get_logger(__name__)


class HeadPublisher(Protocol):
    """Takes finished heads to the workers."""

    async def publish(self, head: Head) -> None:
        """Make `head` the one in use for its task.

        Raises:
            UnavailableError: A service does not answer; the same call may work later.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnerOptions:
    """How eagerly to learn.

    Attributes:
        seconds: Between two heads of one task.
        batch: Most texts embedded at once.
        remembered: How many ids of feedback are kept to notice a repetition.
    """

    seconds: float = 1.0
    batch: int = 256
    remembered: int = 100_000


@dataclass(slots=True)
class LearnerCounts:
    """What became of the feedback.

    Attributes:
        learned: Texts that are in the sums.
        repeated: Ids that had been seen.
        unusable: Without a text: the label of something that we do not have.
        other_tasks: For tasks that this learner does not teach.
        published: Heads.
    """

    learned: int = 0
    repeated: int = 0
    unusable: int = 0
    other_tasks: int = 0
    published: int = 0


class HeadLearner:
    """Keeps one `FastHead` a task, adds feedback as it comes and publishes heads, each task at most once in a while.

    Args:
        embedder: Turns the labelled texts into vectors.
        publisher: Takes the heads.
        tasks: Which tasks to teach.
        sums: What was learned before, e.g. loaded from a file.
        published: Heads in use: their labels keep their ids and the next versions follow theirs.
        options: How eagerly to learn.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        embedder: Embedder,
        publisher: HeadPublisher,
        *,
        tasks: Collection[str] = ("interest", "intent"),
        sums: Iterable[FastHead] = (),
        published: Iterable[Head] = (),
        options: LearnerOptions | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts = LearnerCounts()
        self._embedder = embedder
        self._publisher = publisher
        self._tasks = frozenset(tasks)
        self._options = options or LearnerOptions()
        self._clock = clock
        in_use = [head for head in published if head.task in self._tasks]
        self._versions = {head.task: head.version for head in in_use}
        self._heads = {head.task: self._empty(head.task, head.labels) for head in in_use}
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._due = dict.fromkeys(self._heads, clock())
        self._changed: set[str] = set()
        for learned in sums:
            self._head(learned.task).merge(learned)
            self._changed.add(learned.task)

    async def run(self, feedback: AsyncIterator[Feedback]) -> None:
        """Learn until the feedback ends or this is cancelled; what was learned last is published before it returns."""
        queue: asyncio.Queue[Feedback | None] = asyncio.Queue(maxsize=2 * self._options.batch)
        async with asyncio.TaskGroup() as group:
            group.create_task(_fill(queue, feedback))
            group.create_task(self._learn(queue))

    async def _learn(self, queue: "asyncio.Queue[Feedback | None]") -> None:
        more = True
        while more:
            batch, more = await self._take(queue)
            await self._add(batch)
            for task in sorted(self._changed):
                if not more or self._clock() >= self._due[task]:
                    await self._publish(task)
        log.info("feedback ended", learned=self.counts.learned, heads=self.counts.published)

    async def _take(self, queue: "asyncio.Queue[Feedback | None]") -> tuple[list[Feedback], bool]:
        """What is there, waiting for the first until a head is due; False at the end."""
        batch: list[Feedback] = []
        try:
            async with asyncio.timeout(self._patience()):
                first = await queue.get()
        except TimeoutError:
            return batch, True
        while first is not None:
            batch.append(first)
            if len(batch) == self._options.batch or queue.empty():
                return batch, True
            first = queue.get_nowait()
        return batch, False

    def _patience(self) -> float | None:
        """Seconds until the next head is due; None where nothing changed."""
        return min((self._due[task] - self._clock() for task in self._changed), default=None)

    async def _add(self, batch: list[Feedback]) -> None:
        usable = [(item, item.text) for item in batch if self._wanted(item) and item.text]
        if not usable:
            return
        embeddings = await until_available(lambda: self._embedder.embed([text for _, text in usable]), "encoder")
        for task in sorted({item.task for item, _ in usable}):
            rows = [row for row, (item, _) in enumerate(usable) if item.task == task]
            self._head(task).update(embeddings[rows], [usable[row][0].label for row in rows])
            self._changed.add(task)
        self.counts.learned += len(usable)

    def _wanted(self, item: Feedback) -> bool:
        if item.task not in self._tasks:
            self.counts.other_tasks += 1
        elif not item.text or not item.label:
            self.counts.unusable += 1
            log.warning("feedback without a text or a label", feedback=item.id, task=item.task)
        elif item.id in self._seen:
            self.counts.repeated += 1
        else:
            self._seen[item.id] = None
            if len(self._seen) > self._options.remembered:
                self._seen.popitem(last=False)
            return True
        return False

    async def _publish(self, task: str) -> None:
        head = self._heads[task].solve(self._versions.get(task, 0) + 1)
        await until_available(lambda: self._publisher.publish(head), "store or broker")
        self._versions[task] = head.version
        self._due[task] = self._clock() + self._options.seconds
        self._changed.discard(task)
        self.counts.published += 1
        log.info("head published", head=task, version=head.version, labels=len(head.labels))

    def _head(self, task: str) -> FastHead:
        if task not in self._heads:
            self._heads[task] = self._empty(task, ())
            self._due[task] = self._clock()
        return self._heads[task]

    def _empty(self, task: str, labels: tuple[str, ...]) -> FastHead:
        return FastHead(task=task, encoder=self._embedder.model, dimensions=self._embedder.dimensions, labels=labels)


async def _fill(queue: "asyncio.Queue[Feedback | None]", feedback: AsyncIterator[Feedback]) -> None:
    async for item in feedback:
        await queue.put(item)
    await queue.put(None)
