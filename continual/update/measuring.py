"""Evidence for the gate: both encoders on texts that neither was trained on."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...inference.codebook import Codebook
from ...inference.embedder import Embedder, Embeddings
from ...inference.spaces import way_of
from ...stream.profile.layout import Layout
from ...stream.profile.spaces import carry
from ...stream.profile.table import ProfileTable
from ..gate.evidence import Evidence, Side
from ..heads import refit
from ..migration.people import People, draw_people, profiles_of, retrieved
from ..publish.bundle import Bundle
from .fitting import Embedded
from .lessons import Lesson
from .ports import Trainer

_USERS, _INTERESTS, _EVENTS = 200, 3, 20
_TIMED, _TIMES = 64, 4
_COMPARED = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contestants:
    """Champion and candidate, opened.

    Attributes:
        bundles: What goes with the champion, and with the candidate.
        embedders: Both, as they are served.
        folder: Of the candidate in the model repository.
        weights: Of the candidate, before its export.
        trainer: Embeds by those weights.
    """

    bundles: tuple[Bundle, Bundle]
    embedders: tuple[Embedder, Embedder]
    folder: Path
    weights: Path
    trainer: Trainer


async def gather(
    lessons: Sequence[Lesson], task: str, new: frozenset[tuple[str, str]], embedded: Embedded, two: Contestants
) -> Evidence:
    """Measure everything that the gate asks for; heads are fitted without what is held out."""
    rows = [row for row, lesson in enumerate(lessons) if lesson.task == task]
    names = sorted({lessons[row].label for row in rows})
    labels = np.array([names.index(lessons[row].label) for row in rows])
    held = np.array([lessons[row].held_out for row in rows])
    sides = [
        _Half(bundle, rows_of[rows], labels, held, names)
        for bundle, rows_of in zip(two.bundles, (embedded.champion, embedded.candidate), strict=True)
    ]
    people, written, items = _people(labels[held])
    seconds = await _time(two.embedders, [lesson.text for lesson in lessons if lesson.held_out][:_TIMED])
    compared = [lesson.text for lesson in lessons if lesson.held_out][:_COMPARED]
    champion, candidate = (
        Side(
            name=bundle.encoder,
            embeddings=half.held_rows,
            probabilities=half.probabilities(task),
            retrieval=half.find(people, half.profiles(people, written), items)[0],
            seconds=times,
        )
        for bundle, half, times in zip(two.bundles, sides, seconds, strict=True)
    )
    return Evidence(
        champion=champion,
        candidate=candidate,
        folder=two.folder,
        labels=labels[held],
        names=names,
        new=np.array([(task, name) in new for name in names]),
        reference=await asyncio.to_thread(two.trainer.embed, two.weights, compared),
        exported=await two.embedders[1].embed(compared),
        kept=_kept(sides[0], sides[1], two.bundles[1], people, written, items),
    )


class _Half:
    """One encoder's view of the lessons of a task."""

    def __init__(
        self,
        bundle: Bundle,
        rows: Embeddings,
        labels: NDArray[np.integer],
        held: NDArray[np.bool_],
        names: Sequence[str],
    ) -> None:
        self.codebook: Codebook = bundle.codebook
        self._rows, self._labels, self._held, self._names = rows, labels, held, names
        self.held_rows = rows[held]
        self.layout = Layout(dimensions=len(bundle.codebook.projection))

    def probabilities(self, task: str) -> NDArray[np.float32]:
        """Of the closed-form head that is fitted on what is not held out, for what is."""
        rest = ~self._held
        taught = [self._names[int(label)] for label in self._labels[rest]]
        head = refit(task, self._rows[rest], taught, self.codebook.encoder, known=self._names)
        return head.scores(self.held_rows)

    def profiles(self, people: People, written: NDArray[np.int64]) -> ProfileTable:
        """Of people who write these of the held-out texts."""
        rows = self.held_rows[written]
        return profiles_of(people, self.projected(written), self.codebook.assign(rows)[0].astype(np.int64), self.layout)

    def projected(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """These of the held-out texts, as profiles store them."""
        return self.codebook.project(self.held_rows[rows]).astype(np.float64)

    def find(
        self, people: People, profiles: ProfileTable, items: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How well profiles find these of the held-out texts."""
        return retrieved(profiles, people, self.projected(items), self._labels[self._held][items].astype(np.int64))


def _people(labels: NDArray[np.integer]) -> tuple[People, NDArray[np.int64], NDArray[np.int64]]:
    """Users who write one half of the held-out texts and look for the other; labels are in both, where they can be."""
    order = np.argsort(labels, kind="stable")
    written, items = np.sort(order[::2]), np.sort(order[1::2])
    people = draw_people(labels[written].astype(np.int64), users=_USERS, interests=_INTERESTS, events=_EVENTS)
    return people, written, items


def _kept(
    before: _Half, after: _Half, bundle: Bundle, people: People, written: NDArray[np.int64], items: NDArray[np.int64]
) -> dict[str, float]:
    profiles = before.profiles(people, written)
    ways = {item.source: way_of(item) for item in bundle.maps if item.target == bundle.encoder}
    carry(profiles, [before.codebook.encoder] * len(profiles), ways)
    exact = after.find(people, after.profiles(people, written), items)
    moved = after.find(people, profiles, items)
    shares = [float(m.mean() / max(e.mean(), 1e-9)) for m, e in zip(moved, exact, strict=True)]
    return dict(zip(("several", "one"), shares, strict=True))


async def _time(embedders: Sequence[Embedder], texts: Sequence[str]) -> list[list[float]]:
    """Seconds of each for the same texts, in turns: what slows the machine down slows both."""
    seconds: list[list[float]] = [[] for _ in embedders]
    for _ in range(_TIMES):
        for times, embedder in zip(seconds, embedders, strict=True):
            began = time.perf_counter()
            await embedder.embed(texts)
            times.append(time.perf_counter() - began)
    return seconds
