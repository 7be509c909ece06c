"""One strategy with one seed: run, and kept on disk so that it need not be run again."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ...inference.artefacts import write_file
from ..strategies.registry import build
from ..strategies.strategy import Strategy, StrategyOptions, Task
from ..training.base import FrozenBase
from .data import Benchmark
from .metrics import Matrix

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What came out.

    Attributes:
        strategy: Its name.
        seed: Decided the texts, their order, and all else that is random.
        matrix: See `metrics.Matrix`.
        seconds: It took, testing included.
    """

    strategy: str
    seed: int
    matrix: Matrix
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What cells have in common.

    Attributes:
        benchmark: The tasks.
        per_class: Texts a label; None: all.
        options: Of the strategies, without the seed.
    """

    benchmark: Benchmark
    per_class: int | None
    options: StrategyOptions

    @property
    def key(self) -> str:
        """Short, and another one wherever anything differs that changes the figures."""
        words = (asdict(self.benchmark), self.per_class, asdict(self.options))
        return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()[:12]


def run_cell(name: str, seed: int, setting: Setting, base: FrozenBase, report: Report) -> Cell:
    """Learn the tasks in turn and test after each on all so far; joint training learns everything as one task."""
    began = time.perf_counter()
    options = replace(setting.options, training=replace(setting.options.training, seed=seed))
    strategy = build(name, base, options)
    tasks = setting.benchmark.training(setting.per_class, seed)
    tests = setting.benchmark.testing()
    matrix = []
    for number, task in enumerate([_together(tasks)] if name == "joint" else tasks):
        told = f"{name}, seed {seed}: {task.name}"
        strategy.learn(task, lambda done, total, told=told: report(told, done, total))  # type: ignore[misc]
        known = tests if name == "joint" else tests[: number + 1]
        matrix.append([_accuracy(strategy, test) for test in known])
    return Cell(strategy=name, seed=seed, matrix=matrix, seconds=time.perf_counter() - began)


def write_cell(cell: Cell, path: Path) -> None:
    """Keep it; the file is whole or not there."""
    write_file(path, json.dumps(asdict(cell)).encode())


def read_cell(path: Path) -> Cell | None:
    """What was kept; None where nothing was, or it is damaged."""
    try:
        return Cell(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _together(tasks: Sequence[Task]) -> Task:
    return Task(
        name="all tasks",
        texts=[text for task in tasks for text in task.texts],
        labels=[label for task in tasks for label in task.labels],
    )


def _accuracy(strategy: Strategy, test: Task) -> float:
    answers = strategy.predict(test.texts)
    return sum(map(str.__eq__, answers, test.labels)) / len(test.labels)
