"""What each step of a job does. Each may be repeated: it ends in the same files, or in the same state of the models."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import orjson

from ...inference.artefacts import pack, read_file, unpack, write_file
from ...inference.embedder import Embeddings
from ...schemas.errors import ArtefactError
from ..gate.gate import judge
from ..gate.limits import Limits
from ..gate.report import GateReport
from ..publish.versions import ModelVersion
from .fitting import Embedded, embed_all, fit_bundle
from .lessons import Lesson, load_lessons, main_task, save_lessons
from .measuring import Contestants, gather
from .ports import Models, Progress, Trainer, World
from .state import JobState, Outcome

LESSONS, GATE, EMBEDDINGS, WEIGHTS = "lessons.jsonl", "gate.json", "embeddings.safetensors", "encoder"
_KIND = "embedded lessons"


class Ended(Exception):  # noqa: N818  not an error: the job is over
    """A step says that nothing more is to be done but the report.

    Args:
        outcome: How the job ended.
        why: In words.
        figures: What the step has to say.
    """

    def __init__(self, outcome: Outcome, why: str, figures: Mapping[str, Any] | None = None) -> None:
        super().__init__(why)
        self.outcome: Outcome = outcome
        self.why = why
        self.figures = dict(figures or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Of a job.

    Attributes:
        fewest: Lessons of the main task, and `fewest_held_out` of them held out, below which nothing is trained.
        fewest_held_out: The gate could say nothing with fewer.
        limits: Of the gate.
    """

    fewest: int = 100
    fewest_held_out: int = 30
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every step works with.

    Attributes:
        folder: The job's own.
        state: What was done before this step.
        models, trainer, world: See `ports`.
        options: Of the job.
        progress: Told how far the step is.
    """

    folder: Path
    state: JobState
    models: Models
    trainer: Trainer
    world: World
    options: Options
    progress: Progress

    def lessons(self) -> list[Lesson]:
        """Those that were collected."""
        return load_lessons(self.folder / LESSONS)

    def new(self, lessons: list[Lesson]) -> frozenset[tuple[str, str]]:
        """Tasks and labels that were unknown at the last update; none where there was no update before."""
        known = self.state.known
        if known is None:
            return frozenset()
        return frozenset((item.task, item.label) for item in lessons if item.label not in known.get(item.task, ()))

    @property
    def candidate(self) -> str:
        """The candidate's name."""
        return str(self.state.done["write"]["name"])


Step = Callable[[Context], Awaitable[dict[str, Any]]]


async def collect(context: Context) -> dict[str, Any]:
    """The feedback as it is now, so that the job goes on with the same whatever arrives meanwhile."""
    lessons = await context.world.lessons()
    if not lessons:
        raise Ended("nothing to learn", "there is no feedback yet")
    task = main_task(lessons)
    of_task = [lesson for lesson in lessons if lesson.task == task]
    held_out = sum(lesson.held_out for lesson in of_task)
    figures: dict[str, Any] = {
        "texts": len(lessons),
        "task": task,
        "labels": len({i.label for i in of_task}),
        "held_out": held_out,
    }
    new = sorted(label for its_task, label in context.new(lessons) if its_task == task)
    if len(of_task) < context.options.fewest or held_out < context.options.fewest_held_out or figures["labels"] < 2:
        why = f"{len(of_task)} labelled texts of {figures['labels']} labels are too few to train on"
        raise Ended("nothing to learn", why, figures)
    save_lessons(context.folder / LESSONS, lessons)
    known: dict[str, list[str]] = {}
    for lesson in lessons:
        known.setdefault(lesson.task, []).append(lesson.label)
    return {**figures, "new": new, "known": {its: sorted(set(labels)) for its, labels in known.items()}}


async def train(context: Context) -> dict[str, Any]:
    """From the champion's weights; what is held out is not among the lessons."""
    lessons = context.lessons()
    taught = [lesson for lesson in lessons if not lesson.held_out]
    target = context.folder / WEIGHTS
    rmtree(target, ignore_errors=True)  # of an earlier try that was cut off
    source = context.world.weights(context.state.champion)
    figures = await asyncio.to_thread(
        context.trainer.train, source, taught, context.new(lessons), target, context.progress
    )
    return {"texts": len(taught), **figures}


async def write(context: Context) -> dict[str, Any]:
    """Export the candidate into the repository, and keep its weights for the next update."""
    trained = context.folder / WEIGHTS
    version = await context.models.write(trained)
    if version.state == "refused":
        raise Ended("refused", f"the export failed: {version.history[-1].reason}", {"name": version.name})
    return {"name": version.name}


async def fit(context: Context) -> dict[str, Any]:
    """Embed all lessons by both encoders; fit codebook, heads and maps, and put them beside the candidate."""
    lessons, rows = context.lessons(), []
    for name in (context.state.champion, context.candidate):
        embedder = context.models.local(name)
        try:
            rows.append(await embed_all(embedder, [lesson.text for lesson in lessons], context.progress))
        finally:
            await embedder.close()
    embedded = Embedded(*rows)
    if not np.isfinite(embedded.candidate).all():
        await _refuse(context, "its embeddings have numbers that are not finite")
    if embedded.candidate.shape != embedded.champion.shape:
        await _refuse(context, f"its embeddings have {embedded.candidate.shape[1]} dimensions")
    _save(context.folder / EMBEDDINGS, embedded)
    bundle = fit_bundle(context.candidate, await context.models.bundle(context.state.champion), lessons, embedded)
    await context.models.equip(context.candidate, bundle)
    maps = {f"{item.source} to {item.target}": {**item.figures, "penalty": item.penalty} for item in bundle.maps}
    return {"maps": maps, "heads": {head.task: len(head.labels) for head in bundle.heads}}


async def gate(context: Context) -> dict[str, Any]:
    """Hold the candidate beside the champion; the report is kept whatever it says."""
    path = context.folder / GATE
    # Judged before a crash: a candidate that was refused then is not there any more.
    report = GateReport.from_dict(orjson.loads(read_file(path))) if path.exists() else await _judged(context)
    write_file(path, orjson.dumps(report.as_dict(), option=orjson.OPT_INDENT_2))
    if not report.passed:
        await context.models.refuse(context.candidate, "; ".join(report.reasons))
        raise Ended("refused", "; ".join(report.reasons), {"passed": False})
    return {"passed": True}


async def publish(context: Context) -> dict[str, Any]:
    """Load it, warm it up, ask it live texts, try it on some users, and make it the champion."""
    models, name = context.models, context.candidate
    if (await models.champion()).name == name:  # promoted before a crash
        return {"champion": name}
    spare = [lesson.text for lesson in context.lessons() if lesson.held_out]
    texts = context.world.live_texts(spare)
    moves: Sequence[Callable[[str], Awaitable[ModelVersion]]] = (
        models.load,
        models.warm,
        lambda of: models.shadow(of, texts),
        lambda of: models.trial(of, context.world.served),
    )
    for number, move in enumerate(moves, start=1):
        context.progress(number, len(moves))
        version = await move(name)
        if version.state == "refused":
            raise Ended("refused", version.history[-1].reason)
    keep = context.world.weights(name)
    if not keep.exists():
        keep.parent.mkdir(parents=True, exist_ok=True)
        (context.folder / WEIGHTS).rename(keep)
    await models.promote(name)
    return {"champion": name}


async def migrate(context: Context) -> dict[str, Any]:
    """Carry the profiles that nobody touches; workers carry the others over."""
    return dict(await context.world.migrate(context.candidate, context.progress))


STEPS: Mapping[str, Step] = {
    "collect": collect,
    "train": train,
    "write": write,
    "fit": fit,
    "gate": gate,
    "publish": publish,
    "migrate": migrate,
}


async def _judged(context: Context) -> GateReport:
    lessons, names = context.lessons(), (context.state.champion, context.candidate)
    embedders = [context.models.local(name) for name in names]
    repository = context.world.repository
    try:
        two = Contestants(
            bundles=(await context.models.bundle(names[0]), await context.models.bundle(names[1])),
            embedders=(embedders[0], embedders[1]),
            folder=repository / names[1],
            weights=context.folder / WEIGHTS,
            trainer=context.trainer,
        )
        return await judge(
            two.folder,
            lambda: gather(lessons, main_task(lessons), context.new(lessons), _load(context.folder / EMBEDDINGS), two),
            candidate=names[1],
            champion=names[0],
            limits=context.options.limits,
        )
    finally:
        for embedder in embedders:
            await embedder.close()


async def _refuse(context: Context, reason: str) -> None:
    await context.models.refuse(context.candidate, reason)
    raise Ended("refused", reason)


def _save(path: Path, embedded: Embedded) -> None:
    write_file(path, pack(_KIND, {"champion": embedded.champion, "candidate": embedded.candidate}, {}))


def _load(path: Path) -> Embedded:
    tensors: Mapping[str, Embeddings] = unpack(_KIND, read_file(path))[0]
    try:
        return Embedded(tensors["champion"], tensors["candidate"])
    except KeyError as error:
        raise ArtefactError(f"{path} lacks {error}: delete the folder it lies in, and run the update again") from error
