"""Labelled texts, as a job reads them, and which of them nobody may train on."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from ...inference.artefacts import read_file, write_file
from ...schemas.errors import ArtefactError

_HELD_OUT = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A labelled text.

    Attributes:
        text: Redacted.
        label: The right answer.
        task: What the label tells.
    """

    text: str = field(repr=False)
    label: str
    task: str

    @property
    def held_out(self) -> bool:
        """Whether it is for judging, never for training: by its text, so that repetitions are on the same side."""
        digest = hashlib.blake2b(self.text.encode("utf-8", "replace"), digest_size=4).digest()
        return int.from_bytes(digest) < _HELD_OUT * 2**32


def main_task(lessons: Iterable[Lesson]) -> str:
    """The task with the most lessons: the one that the gate judges by."""
    counts = Counter(lesson.task for lesson in lessons)
    return max(sorted(counts), key=counts.__getitem__)


def save_lessons(path: Path, lessons: Sequence[Lesson]) -> None:
    """One JSON object a line, all or nothing.

    Raises:
        ArtefactError: It cannot be written.
    """
    write_file(path, b"".join(orjson.dumps(asdict(lesson)) + b"\n" for lesson in lessons))


def load_lessons(path: Path) -> list[Lesson]:
    """Read what `save_lessons` wrote.

    Raises:
        ArtefactError: It is missing or damaged.
    """
    try:
        return [Lesson(**orjson.loads(line)) for line in read_file(path).splitlines()]
    except (orjson.JSONDecodeError, TypeError) as error:
        raise ArtefactError(f"{path} is damaged: delete the folder it lies in, and run the update again") from error
