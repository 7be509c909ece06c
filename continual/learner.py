"""From feedback to heads: labels that arrive on the stream change what workers see within seconds."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import structlog

from ..inference.embedder import Embedder
from ..inference.heads import Head
from ..inference.retry import until_available
from .heads.durable import HeadRegistry
from .heads.ledger import Ledger
from .resolver import Delivery, Resolver, Texts
from .task_heads import TaskHeads

log = structlog.get_logger(__name__)


class HeadPublisher(Protocol):
    """Takes finished heads to the workers. Both methods raise UnavailableError: the same call may work later."""

    async def publish(self, head: Head) -> None:
        """Make `head` the one in use for its task."""

    async def version(self, task: str, encoder: str) -> int | None:
        """Which version is in use; None where there is none, e.g. because the store lost everything."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnerOptions:
    """How eagerly to learn.

    Attributes:
        seconds: Between two heads of one task.
        batch: Most texts embedded at once.
        look: Seconds between two looks at whether the heads are still in use, and whether users were erased.
        wait: Seconds that feedback which names an event waits for the event's text.
    """

    seconds: float = 1.0
    batch: int = 256
    look: float = 5.0
    wait: float = 10.0


@dataclass(slots=True)
class LearnerCounts:
    """What became of the feedback.

    Attributes:
        learned: Texts, those from before a restart included.
        repeated: Ids that had been learned.
        unusable: Without a label, or without a text and of an event whose text was not found.
        resolved: Learned by the id of an event.
        other_tasks: For tasks that this learner does not teach.
        published: Heads.
        forgotten: Texts of users that were erased, and the oldest beyond the ledger's capacity.
    """

    learned: int = 0
    repeated: int = 0
    unusable: int = 0
    resolved: int = 0
    other_tasks: int = 0
    published: int = 0
    forgotten: int = 0


class HeadLearner:
    """Keeps one `FastHead` a task, adds feedback as it comes and publishes heads, each task at most once in a while.

    Args:
        embedder: Turns the labelled texts into vectors.
        publisher: Takes the heads.
        tasks: Which tasks to teach.
        ledger: What was learned before and is learned now; without it nothing outlives this object.
        registry: Where finished heads are kept; without it nowhere.
        published: Heads in use: their labels keep their ids and the next versions follow theirs.
        texts: Finds the texts of events that feedback names.
        clean: Removes personal data from a text before anything else sees it.
        options: How eagerly to learn.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        embedder: Embedder,
        publisher: HeadPublisher,
        *,
        tasks: Collection[str] = ("interest", "intent"),
        ledger: Ledger | None = None,
        registry: HeadRegistry | None = None,
        published: Iterable[Head] = (),
        texts: Texts | None = None,
        clean: Callable[[str], str] = str,
        options: LearnerOptions | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counts = LearnerCounts()
        self._model = embedder.model
        self._publisher = publisher
        self._names = frozenset(tasks)
        self._ledger = Ledger() if ledger is None else ledger
        self._heads = TaskHeads(embedder, tasks, self._ledger, registry, published)
        self._clean = clean
        self._options = options or LearnerOptions()
        self._clock = clock
        self._resolver = Resolver(texts, wait=self._options.wait, clock=clock)
        self._read: dict[int, int] = {}
        self._written: dict[int, int] = {}
        self._due: dict[str, float] = {}
        self._next_look = clock()

    @property
    def counts(self) -> LearnerCounts:
        """What became of the feedback so far."""
        given_up = self._resolver.given_up
        return replace(self._counts, unusable=self._counts.unusable + given_up, resolved=self._resolver.resolved)

    def status(self) -> dict[str, Any]:
        """For each task what its head is made of, and how good its heads were on feedback that they had not seen."""
        return {
            name: {
                "labels": len(task.head.labels),
                "texts": task.head.texts,
                "version": task.version,
                "method": task.head.fitted,
                **task.tested.as_dict(),
            }
            for name, task in self._heads.tasks.items()
        }

    async def run(self, feedback: AsyncIterator[Delivery]) -> None:
        """Learn until the feedback ends or this is cancelled; what was learned last is published before it returns."""
        await self._bring_back()  # before anything is computed
        self._counts.learned += await self._heads.restore()
        queue: asyncio.Queue[Delivery | None] = asyncio.Queue(maxsize=2 * self._options.batch)
        async with asyncio.TaskGroup() as group:
            group.create_task(_fill(queue, feedback))
            group.create_task(self._learn(queue))

    async def erase(self, user: str) -> int:
        """Forget all that a user's texts taught, exactly, here and on disk; workers get heads without it.

        Not while `run` runs: then remove the user from the ledger, and the learner will notice.

        Returns:
            How many texts that were.
        """
        gone = await self._heads.erase(user)
        self._counts.forgotten += gone
        await self._publish_all()
        self._heads.forget_older()
        return gone

    async def _learn(self, queue: "asyncio.Queue[Delivery | None]") -> None:
        more = True
        while more:
            batch, more = await self._take(queue)
            await self._add(batch)
            if self._clock() >= self._next_look:
                await self._look()
            for name in self._changed():
                if self._clock() >= self._due.get(name, 0.0):
                    await self._publish(name)
        await self._publish_all()
        self._heads.forget_older()
        log.info("feedback ended", learned=self._counts.learned, heads=self._counts.published)

    async def _take(self, queue: "asyncio.Queue[Delivery | None]") -> tuple[list[Delivery], bool]:
        """What is there, waiting for the first until something is due; False at the end."""
        batch: list[Delivery] = []
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

    def _patience(self) -> float:
        """Seconds until a head or a look is due, or until texts of events may have come."""
        now = self._clock()
        due = [self._due.get(name, now) for name in self._changed()]
        again = [now + self._options.seconds] if len(self._resolver) else []
        return max(0.0, min([self._next_look, *due, *again]) - now)

    async def _add(self, batch: list[Delivery]) -> None:
        told = await until_available(partial(self._resolver.pair, self._wanted(batch)), "store")
        self._read |= {delivery.partition: delivery.offset + 1 for delivery in batch}
        # What waits for its text is only in memory: after a crash it is read again, and what is known is skipped.
        positions = {**self._read, **self._resolver.first()}
        moved = {partition: at for partition, at in positions.items() if self._written.get(partition) != at}
        if told or moved:
            clean = [replace(item, text=self._clean(item.text)) for item in told]
            learned, forgotten = await self._heads.learn(clean, moved)
            self._written |= moved
            self._counts.learned += learned
            self._counts.forgotten += forgotten

    def _wanted(self, batch: list[Delivery]) -> list[Delivery]:
        known = self._ledger.known([delivery.feedback.id for delivery in batch])
        wanted: list[Delivery] = []
        for delivery in batch:
            item = delivery.feedback
            if item.task not in self._names:
                self._counts.other_tasks += 1
            elif not (item.text or item.event) or not item.label:
                self._counts.unusable += 1
                log.warning("feedback without a text or a label", feedback=item.id, task=item.task)
            elif item.id in known:
                self._counts.repeated += 1
            else:
                known.add(item.id)
                wanted.append(delivery)
        return wanted

    async def _look(self) -> None:
        """Whether the store still has the heads, and whether somebody was erased."""
        self._next_look = self._clock() + self._options.look
        await self._bring_back()
        if await self._heads.erased_elsewhere():
            await self._publish_all()
        self._heads.forget_older()

    async def _bring_back(self) -> None:
        """Publish heads again that the store lost, as they were."""
        for name, task in self._heads.tasks.items():
            in_use = await until_available(partial(self._publisher.version, name, self._model), "store")
            if task.last and (in_use is None or in_use < task.version):
                log.warning("the store lost a head, it is published again", head=name, version=task.version)
                await self._send(task.last)

    def _changed(self) -> list[str]:
        return sorted(name for name, task in self._heads.tasks.items() if task.changed)

    async def _publish_all(self) -> None:
        for name in self._changed():
            await self._publish(name)

    async def _publish(self, name: str) -> None:
        head = await self._heads.solve(name)
        await self._send(head)
        self._due[name] = self._clock() + self._options.seconds
        task = self._heads.tasks[name]
        log.info("head published", head=name, version=head.version, labels=len(head.labels), method=task.head.fitted)
        if await asyncio.to_thread(task.head.consolidate):
            task.changed = True  # so that the slow solve is done now, not when the next label waits for it

    async def _send(self, head: Head) -> None:
        await until_available(partial(self._publisher.publish, head), "store or broker")
        self._counts.published += 1


async def _fill(queue: "asyncio.Queue[Delivery | None]", feedback: AsyncIterator[Delivery]) -> None:
    async for item in feedback:
        await queue.put(item)
    await queue.put(None)
