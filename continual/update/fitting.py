"""What goes with a candidate: its codebook, its heads, and the maps from the champion's space and back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...inference.embedder import Embedder, Embeddings
from ...inference.heads import Head
from ...inference.spaces import SpaceMap
from ..heads import refit
from ..migration.carry import carry_head, coded_by, distil_head, move_codebook
from ..migration.fit import ANCHORS, choose_anchors, fit_map
from ..publish.bundle import Bundle
from .lessons import Lesson
from .ports import Progress

_BATCH = 128


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """All lessons by both encoders, shape (lessons, d) each."""

    champion: Embeddings
    candidate: Embeddings


async def embed_all(embedder: Embedder, texts: Sequence[str], progress: Progress) -> Embeddings:
    """Embeddings of any number of texts, shape (texts, d)."""
    rows = np.zeros((len(texts), embedder.dimensions), np.float32)
    for start in range(0, len(texts), _BATCH):
        rows[start : start + _BATCH] = await embedder.embed(texts[start : start + _BATCH])
        progress(min(start + _BATCH, len(texts)), len(texts))
    return rows


def fit_bundle(name: str, champion: Bundle, lessons: Sequence[Lesson], embedded: Embedded) -> Bundle:
    """Everything that workers need of a candidate.

    Args:
        name: The candidate's.
        champion: What goes with the encoder in use.
        lessons: All, held out or not: they are the anchors of the maps, and what the heads are fitted on.
        embedded: They, by both encoders.

    Raises:
        ArtefactError: There are too few lessons for a map, or embeddings are not finite.
    """
    chosen = _anchor_rows(lessons)
    before, after = embedded.champion[chosen], embedded.candidate[chosen]
    project = champion.codebook.project
    forth = fit_map(before, after, source=champion.encoder, target=name)
    back = fit_map(after, before, source=name, target=champion.encoder)
    codebook = move_codebook(champion.codebook, forth)
    old, new = coded_by(champion.codebook, before), coded_by(codebook, after)
    stored = (
        fit_map(project(before), project(after), source=champion.encoder, target=name, coded=old),
        fit_map(project(after), project(before), source=name, target=champion.encoder, coded=new),
    )
    heads = [_head(head, name, back, lessons, embedded, chosen) for head in champion.heads]
    known = {head.task for head in champion.heads}
    heads += [_refit(task, name, lessons, embedded) for task in sorted({lesson.task for lesson in lessons} - known)]
    return Bundle(codebook=codebook, heads=tuple(heads), maps=stored)


def recovery(bundle: Bundle) -> dict[str, SpaceMap]:
    """The maps of a bundle, by `source -> target`."""
    return {f"{item.source} -> {item.target}": item for item in bundle.maps}


def _head(
    head: Head,
    name: str,
    back: SpaceMap,
    lessons: Sequence[Lesson],
    embedded: Embedded,
    anchors: NDArray[np.int64],
) -> Head:
    """Fitted anew where there is feedback; otherwise it goes on saying what it said."""
    if any(lesson.task == head.task for lesson in lessons):
        return _refit(head.task, name, lessons, embedded, head.labels)
    if head.features is None:
        return carry_head(head, back)
    return distil_head(head, embedded.champion[anchors], embedded.candidate[anchors], name)


def _refit(task: str, name: str, lessons: Sequence[Lesson], embedded: Embedded, known: Sequence[str] = ()) -> Head:
    rows = [row for row, lesson in enumerate(lessons) if lesson.task == task]
    return refit(task, embedded.candidate[rows], [lessons[row].label for row in rows], name, known=known)


def _anchor_rows(lessons: Sequence[Lesson]) -> NDArray[np.int64]:
    row_of = {lesson.text: row for row, lesson in enumerate(lessons)}
    return np.array([row_of[text] for text in choose_anchors(list(row_of), ANCHORS)], dtype=np.int64)
