"""What a job has done, on disk: written after each step, so that a crash repeats one step at most."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...inference.artefacts import read_file, write_file
from ...schemas.errors import ArtefactError

Outcome = Literal["published", "refused", "nothing to learn", "superseded"]
_FILE = "state.json"
_NAME = "%Y%m%d-%H%M%S.%f"


class JobState(BaseModel):
    """A job.

    Attributes:
        id: When it began, as a folder's name.
        reason: Why it was begun.
        champion: The encoder in use then: what the candidate is trained from and compared with.
        done: What each finished step has to say, by its name.
        outcome: How it ended; None: it did not end yet.
        why: The outcome in words.
        known: Labels of the last update that was published, by task: all others are new.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    reason: str
    champion: str
    done: dict[str, dict[str, Any]] = Field(default_factory=dict)
    outcome: Outcome | None = None
    why: str = ""
    known: dict[str, list[str]] | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do, the report included."""
        return "report" in self.done

    @property
    def began(self) -> datetime:
        """When, in UTC."""
        return datetime.strptime(self.id, _NAME).replace(tzinfo=UTC)

    def known_after(self) -> dict[str, list[str]]:
        """The labels that it was trained on, by task."""
        return dict(self.done["collect"]["known"])

    def save(self, folder: Path) -> None:
        """Write it, whole or not at all.

        Raises:
            ArtefactError: It cannot be written.
        """
        write_file(folder / _FILE, self.model_dump_json(indent=1).encode())

    @classmethod
    def load(cls, folder: Path) -> "JobState":
        """Read what `save` wrote.

        Raises:
            ArtefactError: It is missing or damaged.
        """
        try:
            return cls.model_validate_json(read_file(folder / _FILE))
        except ValidationError as error:
            raise ArtefactError(f"{folder / _FILE} is damaged: delete that folder, and run the update again") from error


def job_id(now: datetime | None = None) -> str:
    """A name for a job that begins now; later ones sort behind it."""
    return (now or datetime.now(UTC)).strftime(_NAME)


def all_jobs(folder: Path) -> list[JobState]:
    """All jobs below a folder, the oldest first; what is damaged is left out."""
    jobs = []
    for path in sorted(folder.glob(f"*/{_FILE}")):
        try:
            jobs.append(JobState.load(path.parent))
        except ArtefactError:
            continue
    return jobs
