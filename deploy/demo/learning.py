"""What the demo shows of learning: a topic that was not known, an encoder that is trained, and who answers now."""

from dataclasses import dataclass
from typing import Any

from rich.text import Text

from ..terminal import plain
from .exam import Grade
from .labels import short_label

_BAR = 12  # cells
STEPS = ("collect", "train", "write", "fit", "gate", "publish", "migrate", "report")


@dataclass(slots=True, kw_only=True)
class Learning:
    """The course of it, as far as it went. Times in seconds.

    Attributes:
        topic: What was not known at first; empty: nothing was held back.
        told: Labels of it that were told.
        first: How many of those came first,
        seconds: and how long it took from the first of them until workers knew the topic.
        before, few, known: How well texts are recognised before anything was told, by the first labels, by all.
        encoder: Who answers in workers.
        step, done, of: Of the update: what it does, and how far it is.
        outcome, why: How it ended.
        update_seconds: How long it took.
        tuned: How well texts are recognised by the new encoder.
        profiles, moved: Profiles whose last update is of the encoder in use, and those that a sweep carried over.
        report: Where the update's is.
    """

    topic: str = ""
    told: int = 0
    first: int = 0
    seconds: float | None = None
    before: Grade | None = None
    few: Grade | None = None
    known: Grade | None = None
    encoder: str = ""
    step: str = ""
    done: int = 0
    of: int = 0
    outcome: str | None = None
    why: str = ""
    update_seconds: float | None = None
    tuned: Grade | None = None
    profiles: int = 0
    moved: int | None = None
    report: str = ""

    def said(self, status: dict[str, Any]) -> None:
        """What the update job says of itself."""
        self.step, self.done, self.of = status["step"], status["done"], status["of"]

    def lines(self) -> list[Text]:
        """For the screen; none before there is anything to tell."""
        if not self.topic:
            return []
        lines = [self._topic()]
        if self.known:
            lines.append(self._update())
        return lines

    def as_dict(self) -> dict[str, Any]:
        """For `--json`; shares are fractions of 1."""
        grades = {"before": self.before, "few_labels": self.few, "all_labels": self.known, "new_encoder": self.tuned}
        return {
            "topic": self.topic,
            "labels": {"first": self.first, "all": self.told},
            "seconds_to_workers": self.seconds and round(self.seconds, 2),
            "accuracy": {
                name: {"encoder": grade.encoder, "topic": round(grade.topic, 4), "all": round(grade.all, 4)}
                for name, grade in grades.items()
                if grade
            },
            "update": {
                "outcome": self.outcome,
                "why": self.why,
                "seconds": self.update_seconds and round(self.update_seconds, 1),
                "encoder": self.encoder,
                "profiles_moved": self.moved,
                "report": self.report,
            },
        }

    def rows(self) -> list[tuple[str, str]]:
        """For the summary: names and values, in mark-up."""
        if not self.topic or not self.before:
            return []
        rows = [("new topic", short_label(self.topic)), ("before its labels", f"{self.before.topic:.0%}")]
        if self.few and self.seconds is not None:
            rows.append((f"{self.first} labels, {self.seconds:.1f} s", f"{self.few.topic:.0%}"))
        if self.known:
            rows.append((f"{self.told} labels", f"[bold green]{self.known.topic:.0%}[/], all {self.known.all:.1%}"))
        if self.tuned and self.outcome == "published":
            rows.append((self.encoder, f"{self.tuned.topic:.0%}, all [bold green]{self.tuned.all:.1%}[/]"))
        return rows

    def verdict(self) -> str:
        """How the update ended, in a sentence; empty where there was none."""
        if self.outcome is None:
            return ""
        took = f" after {self.update_seconds:.0f} s" if self.update_seconds else ""
        if self.outcome == "published":
            return f"encoder: {self.why}{took}; {self.moved or 0} stored profiles were carried over into its space"
        return f"encoder: {self.outcome}{took}, {self.encoder} goes on: {self.why}"

    def _topic(self) -> Text:
        line = Text.assemble(("new topic  ", "dim"), plain(short_label(self.topic), "bold"))
        if self.before:
            line.append(f"  recognised: unknown {self.before.topic:.0%}")
        if self.few and self.seconds is not None:
            line.append(f" → {self.first} labels in {self.seconds:.1f} s ").append(f"{self.few.topic:.0%}", "green")
        if self.known:
            line.append(f" → {self.told} labels ").append(f"{self.known.topic:.0%}", "bold green")
        if self.tuned and self.outcome == "published":
            line.append(" → tuned ").append(f"{self.tuned.topic:.0%}", "bold green")
        return line

    def _update(self) -> Text:
        line = Text.assemble(("encoder    ", "dim"), plain(self.encoder, "bold"), "  ")
        if self.outcome == "published" and self.known and self.tuned:
            line.append("published", "bold green")
            line.append(f": all topics {self.known.all:.1%} → {self.tuned.all:.1%}; ")
            return line.append(f"{self.moved or 0} profiles carried over, {self.profiles} updated since")
        if self.outcome:
            colour = "green" if self.outcome == "published" else "yellow"
            return line.append(self.outcome, f"bold {colour}").append(": ").append_text(plain(self.why, colour))
        return line.append_text(self._steps())

    def _steps(self) -> Text:
        line = Text("update: ", "dim")
        place = STEPS.index(self.step) if self.step in STEPS else -1
        if place < 0:
            return line.append("starts")
        for number, name in enumerate(STEPS):
            line.append(f"{name} ", "green" if number < place else "bold cyan" if number == place else "bright_black")
            if number == place and self.of:
                filled = round(_BAR * self.done / self.of)
                line.append("▰" * filled, "cyan").append("▱" * (_BAR - filled), "bright_black")
                line.append(f" {self.done}/{self.of} ", "cyan")
        return line
