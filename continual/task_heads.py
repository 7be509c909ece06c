"""The heads of all tasks with their ledger: what is in the one is in the other."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ..inference.embedder import Embedder, Embeddings
from ..inference.features import on_grid
from ..inference.heads import Head
from ..inference.retry import until_available
from ..schemas.errors import ArtefactError
from .heads.durable import HeadRegistry
from .heads.head import FastHead
from .heads.ledger import Ledger, Lesson
from .prequential import Prequential
from .resolver import Told

_BATCH = 256


@dataclass(slots=True)
class TaskHead:
    """One task.

    Attributes:
        head: What it learned.
        last: The head in use.
        changed: Whether more was learned than is in that.
        tested: How good the heads in use were.
    """

    head: FastHead
    last: Head | None = None
    changed: bool = False
    tested: Prequential = field(default_factory=Prequential)

    @property
    def version(self) -> int:
        """Of the head in use; 0 where there is none."""
        return self.last.version if self.last else 0


class TaskHeads:
    """Learns lessons, forgets users, goes on after a restart.

    Args:
        embedder: Turns texts into vectors.
        tasks: Which tasks to teach.
        ledger: What was learned.
        registry: Where finished heads are kept; None: nowhere.
        published: Heads in use: their labels keep their ids and the next versions follow theirs.
    """

    def __init__(
        self,
        embedder: Embedder,
        tasks: Collection[str],
        ledger: Ledger,
        registry: HeadRegistry | None,
        published: Iterable[Head],
    ) -> None:
        self.tasks: dict[str, TaskHead] = {}
        self._embedder = embedder
        self._names = frozenset(tasks)
        self._ledger = ledger
        self._registry = registry
        self._erasures = ledger.erasures
        for head in published:
            if head.task in self._names:
                ledger.name(head.task, head.labels)
                self._task(head.task).last = head
        for name in self._names.intersection(ledger.tasks()):
            task = self._task(name)
            kept = registry.latest(embedder.model, name) if registry else None
            # Profiles hold ids: a head of another order of labels is of no use, whatever it knows.
            if kept and kept.version > task.version and kept.labels == ledger.labels(name)[: len(kept.labels)]:
                task.last = kept

    async def restore(self) -> int:
        """Learn again all that the ledger holds; of another encoder's lessons only the texts are worth anything.

        Returns:
            How many lessons that were.
        """
        self._erasures = self._ledger.erasures
        for name, task in self.tasks.items():
            self.tasks[name] = TaskHead(self._empty(name), task.last, tested=task.tested)
        restored = 0
        for lessons in self._ledger.lessons():
            ours = [lesson for lesson in lessons if lesson.task in self._names]
            await asyncio.to_thread(self._update, await self._in_this_space(ours))
            restored += len(ours)
        return restored

    async def erased_elsewhere(self) -> bool:
        """Whether another process removed a user from the ledger; then everything is learned anew from what is left."""
        if self._ledger.erasures == self._erasures:
            return False
        await self.restore()
        for task in self.tasks.values():
            task.changed = True
        return True

    async def learn(self, told: Sequence[Told], positions: dict[int, int]) -> tuple[int, int]:
        """Test, train, and write down what was learned and how far was read.

        Returns:
            How many were learned, and how many of the oldest lessons had to go for them.
        """
        known = self._ledger.known([item.feedback.id for item in told])
        # What waited for its text may have been sent again meanwhile.
        told = list({item.feedback.id: item for item in told if item.feedback.id not in known}.values())
        embeddings = on_grid(await self.embed([item.text for item in told]))
        lessons = [_lesson(item, self._embedder.model, row) for item, row in zip(told, embeddings, strict=True)]
        gone = self._ledger.add(lessons, positions)
        self._test(lessons, embeddings)
        await asyncio.to_thread(self._update, lessons)
        await asyncio.to_thread(self._subtract, gone)
        return len(lessons), len(gone)

    async def erase(self, user: str) -> int:
        """Forget all that a user's texts taught, exactly, here and on disk.

        Returns:
            How many texts that were.
        """
        gone = self._ledger.forget(user)
        self._erasures += 1
        await asyncio.to_thread(self._subtract, [lesson for lesson in gone if lesson.task in self._names])
        return len(gone)

    async def solve(self, name: str) -> Head:
        """The next head of a task, kept on disk; it is in use from now on."""
        task = self.tasks[name]
        task.changed = False
        head = await asyncio.to_thread(task.head.solve, task.version + 1)
        task.last = head
        if self._registry:
            await asyncio.to_thread(self._registry.put, head)
        return head

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Embeddings, shape (n, d), waiting for the encoder where it is away."""
        rows = [np.zeros((0, self._embedder.dimensions), np.float32)]
        for at in range(0, len(texts), _BATCH):
            some = partial(self._embedder.embed, texts[at : at + _BATCH])
            rows += [await until_available(some, "encoder")]
        return np.concatenate(rows)

    def forget_older(self) -> None:
        """Remove all but the heads in use from disk where the others may still know somebody who was erased."""
        if not self._ledger.unpublished or any(task.changed for task in self.tasks.values()):
            return
        for name in self.tasks:
            if self._registry:
                self._registry.keep(self._embedder.model, name, 1)
        self._ledger.published()

    async def _in_this_space(self, lessons: Sequence[Lesson]) -> list[Lesson]:
        foreign = [lesson for lesson in lessons if lesson.encoder != self._embedder.model]
        if not foreign:
            return list(lessons)
        rows = on_grid(await self.embed([lesson.text for lesson in foreign]))
        moved = self._ledger.re_embed(foreign, self._embedder.model, rows)
        return [moved.get(lesson.id, lesson) for lesson in lessons]

    def _test(self, lessons: Sequence[Lesson], embeddings: Embeddings) -> None:
        for name, rows in _by_task(lessons).items():
            task = self._task(name)
            if task.last and task.last.labels:
                told = task.last.scores(embeddings[rows]).argmax(axis=1)
                for row, label in zip(rows, told, strict=True):
                    task.tested.update(task.last.labels[label] == lessons[row].label)

    def _update(self, lessons: Sequence[Lesson]) -> None:
        for name, rows in _by_task(lessons).items():
            task = self._task(name)
            task.head.update(np.stack([lessons[row].embedding for row in rows]), [lessons[row].label for row in rows])
            task.changed = True

    def _subtract(self, lessons: Sequence[Lesson]) -> None:
        for name, rows in _by_task(lessons).items():
            task = self._task(name)
            try:
                embeddings = np.stack([lessons[row].embedding for row in rows])
                task.head.subtract(embeddings, [lessons[row].label for row in rows])
            except ArtefactError:  # it was not learned yet: what is read later is read without it
                continue
            task.changed = True

    def _task(self, name: str) -> TaskHead:
        if name not in self.tasks:
            self.tasks[name] = TaskHead(self._empty(name))
        return self.tasks[name]

    def _empty(self, name: str) -> FastHead:
        model, dimensions = self._embedder.model, self._embedder.dimensions
        return FastHead(task=name, encoder=model, dimensions=dimensions, labels=self._ledger.labels(name))


def _by_task(lessons: Sequence[Lesson]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for row, lesson in enumerate(lessons):
        rows.setdefault(lesson.task, []).append(row)
    return rows


def _lesson(item: Told, encoder: str, embedding: Embeddings) -> Lesson:
    told = item.feedback
    return Lesson(
        id=told.id,
        user=told.user,
        task=told.task,
        label=told.label,
        time=told.time,
        text=item.text,
        encoder=encoder,
        embedding=embedding,
    )
