"""What a benchmark is: tasks with labels of their own, and labelled texts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...schemas.errors import ConfigurationError, SetupError
from ..strategies.strategy import Task

Rows = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """Tasks that come in turn.

    Attributes:
        name: Of the data set.
        tasks: The labels of each task, in the order in which they come.
        train: Texts with labels.
        val: For choosing options; the bench itself never looks at them.
        test: For the figures.
    """

    name: str
    tasks: Mapping[str, Sequence[str]]
    train: Rows
    val: Rows
    test: Rows

    def training(self, per_class: int | None, seed: int) -> list[Task]:
        """The tasks with at most `per_class` texts a label, drawn by `seed`."""
        random = np.random.default_rng(seed)
        shuffled = [self.train[index] for index in random.permutation(len(self.train))]
        found = []
        for name, labels in self.tasks.items():
            rows = [row for label in labels for row in _of(shuffled, label)[:per_class]]
            found.append(Task(name=name, texts=[text for text, _ in rows], labels=[label for _, label in rows]))
        return found

    def testing(self) -> list[Task]:
        """The tasks with their texts for testing."""
        found = []
        for name, labels in self.tasks.items():
            rows = [row for row in self.test if row[1] in set(labels)]
            found.append(Task(name=name, texts=[text for text, _ in rows], labels=[label for _, label in rows]))
        return found


def read_benchmark(path: Path) -> Benchmark:
    """Read a benchmark from JSON, or CLINC150 from its folder.

    Args:
        path: A file with `tasks` (name: list of labels, in order), `train`, `val` and `test` (lists of [text, label]),
            or a folder with CLINC150's `data_full.json` and `domains.json`.

    Raises:
        ConfigurationError: Not such a file; the message names what is wrong.
    """
    if path.is_dir():
        return read_benchmark_of(_json(path / "data_full.json") | {"tasks": _json(path / "domains.json")}, "CLINC150")
    return read_benchmark_of(_json(path), path.stem)


def read_benchmark_of(content: dict[str, Any], name: str) -> Benchmark:
    """Check the content of a file.

    Raises:
        ConfigurationError: A part is missing or of another kind, or a label has no texts.
    """
    tasks = content.get("tasks")
    if (
        not isinstance(tasks, dict)
        or not tasks
        or not all(isinstance(labels, list) and labels for labels in tasks.values())
    ):
        raise ConfigurationError(f"{name}: 'tasks' must name the labels of each task, as lists.")
    labels = [label for some in tasks.values() for label in some]
    if len(set(labels)) < len(labels):
        raise ConfigurationError(f"{name}: a label is in two tasks.")
    parts = {part: _rows(content.get(part), f"{name}: {part!r}") for part in ("train", "val", "test")}
    for part in ("train", "test"):
        if missing := set(labels) - {label for _, label in parts[part]}:
            raise ConfigurationError(f"{name}: {len(missing)} labels have no texts in {part!r}, e.g. {min(missing)!r}.")
    return Benchmark(name=name, tasks=tasks, **parts)


def find_clinc150() -> Path:
    """The folder of CLINC150 beside the checkout.

    Raises:
        SetupError: It is not there; the message says where it comes from.
    """
    folder = Path(__file__).resolve().parents[3] / "shared" / "data" / "clinc150"
    if not (folder / "data_full.json").is_file():
        raise SetupError(
            "CLINC150 is not beside the checkout. Fetch data_full.json and domains.json (CC BY 3.0) from\n"
            "https://github.com/clinc/oos-eval/tree/master/data into a folder, and give it with --data."
        )
    return folder


def _of(rows: Rows, label: str) -> list[tuple[str, str]]:
    return [row for row in rows if row[1] == label]


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot read {path}: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path} should hold an object.")
    return content


def _rows(rows: Any, where: str) -> list[tuple[str, str]]:
    if not isinstance(rows, list):
        raise ConfigurationError(f"{where} must be a list of [text, label].")
    for row in rows:
        if not (isinstance(row, list) and len(row) == 2 and all(isinstance(word, str) for word in row)):
            raise ConfigurationError(f"{where} must be a list of [text, label], found {str(row)[:80]}.")
    return [(text, label) for text, label in rows]
