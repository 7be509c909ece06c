"""A deployment with feedback, and a trainer that needs no torch: encoders are tables of letters."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from profilestream.continual.gate.limits import Limits
from profilestream.continual.publish.canary import CanaryLimits
from profilestream.continual.publish.comparison import ShadowLimits
from profilestream.continual.publish.publisher import PublishOptions
from profilestream.continual.update.job import UpdateJob
from profilestream.continual.update.lessons import Lesson
from profilestream.continual.update.steps import Options
from profilestream.inference.pool import Served
from profilestream.inference.triton_model.text_encoder import TextEncoder
from tests.continual.publish import world as publishing

TASK = "interest"
LABELS = ("cats", "dogs", "trains", "tea")
LENIENT = Limits(
    margin=1.0, label_margin=1.0, worth_sure=0.0, latency=1e9, kept_several=0.0, kept_one=0.0, calibration=1.0
)


class KilledError(BaseException):
    """The process is gone: nothing catches it."""


def lessons(each: int = 60, labels: Sequence[str] = LABELS) -> list[Lesson]:
    """Texts whose letters tell their label, mostly."""
    rng = np.random.default_rng(0)
    found = []
    for number, label in enumerate(labels):
        letters = "abcdefghijklmnopqrstuvwx"[4 * number : 4 * number + 4] + "yz"
        for _ in range(each):
            words = ["".join(rng.choice(list(letters), 4)) for _ in range(3)]
            found.append(Lesson(text=" ".join(words), label=label, task=TASK))
    return found


@dataclass
class TableTrainer:
    """See `ports.Trainer`: writes another table of letters.

    Attributes:
        seed: Of the table.
        trained: How often it was asked to train, and on which lessons last.
    """

    seed: int = 2
    trained: int = 0
    taught: Sequence[Lesson] = ()
    new: frozenset[tuple[str, str]] = frozenset()

    def train(
        self,
        source: Path,  # noqa: ARG002  nothing is read of the champion
        lessons: Sequence[Lesson],
        new: frozenset[tuple[str, str]],
        target: Path,
        progress: Callable[[int, int], None],
    ) -> dict[str, float]:
        """Write it."""
        self.trained += 1
        self.taught, self.new = lessons, new
        publishing.write_source(target, self.seed)
        progress(1, 1)
        return {"loss": 0.5}

    def embed(self, folder: Path, texts: Sequence[str]) -> np.ndarray:
        """By the table in the folder."""
        encoder = TextEncoder(folder, max_tokens=64, threads=1, token_budget=128, providers=("CPUExecutionProvider",))
        try:
            return np.asarray(encoder.encode([text.encode() for text in texts]))
        finally:
            encoder.close()


@dataclass
class Deployment:
    """See `ports.World`: everything but the models, in memory and in a folder."""

    folder: Path
    feedback: list[Lesson] = field(default_factory=lessons)
    migrated: list[str] = field(default_factory=list)

    @property
    def repository(self) -> Path:
        """The publishing world's."""
        return self.folder / "models"

    async def lessons(self) -> list[Lesson]:
        """What was fed back."""
        return self.feedback

    def weights(self, encoder: str) -> Path:
        """Beside the repository."""
        return self.folder / "encoders" / encoder

    async def live_texts(self, spare: Sequence[str]) -> AsyncIterator[Sequence[str]]:
        """A few of the spare ones."""
        for start in range(0, 320, 32):
            yield [spare[n % len(spare)] for n in range(start, start + 32)]

    async def served(self) -> dict[str, Served]:
        """No workers."""
        return {}

    async def migrate(self, encoder: str, progress: Callable[[int, int], None]) -> dict[str, int]:
        """Remember that it was asked for."""
        progress(7, 7)
        self.migrated.append(encoder)
        return {"moved": 7, "alone": 0}


@dataclass
class Deadline:
    """Kills the process in the first call of this name to the outside; the call itself was done."""

    at: str

    def wrap(self, inner: Any) -> Any:
        """The same, counted."""
        return _Counted(inner, self)

    def tick(self, name: str) -> None:
        """A call was done."""
        if name == self.at:
            raise KilledError(name)


class _Counted:
    def __init__(self, inner: Any, deadline: Deadline) -> None:
        self._inner, self._deadline = inner, deadline

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name in {"local", "weights", "live_texts", "embed", "repository"} or not callable(found):
            return found

        def sync(*args: Any) -> Any:
            result = found(*args)
            self._deadline.tick(name)
            return result

        async def later(*args: Any) -> Any:
            result = await found(*args)
            self._deadline.tick(name)
            return result

        return sync if name == "train" else later


@dataclass
class Place:
    """Everything, as it survives a crash."""

    models: publishing.World
    world: Deployment
    trainer: TableTrainer
    limits: Limits = LENIENT

    @classmethod
    async def prepare(cls, folder: Path) -> "Place":
        """With its first encoder in use."""
        options = PublishOptions(shadow=ShadowLimits(agreement=0.0), canary=CanaryLimits(seconds=0.01))
        models = await publishing.World(folder, options=options).prepare()
        return cls(models, Deployment(folder), TableTrainer())

    def job(self, deadline: Deadline | None = None, told: Callable[[str, int, int], None] | None = None) -> UpdateJob:
        """As after a restart."""
        wrap = deadline.wrap if deadline else lambda inner: inner
        return UpdateJob(
            self.world.folder / "updates",
            self.world.folder / "reports",
            models=wrap(self.models.publisher()),
            trainer=wrap(self.trainer),
            world=wrap(self.world),
            options=Options(limits=self.limits),
            told=told or (lambda _step, _done, _of: None),
        )

    async def champion(self) -> str:
        """Who answers."""
        return (await self.models.publisher().champion()).name
