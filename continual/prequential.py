"""Test, then train: every labelled text is first judged by the head in use, then learned.

With a fading factor, so that the figure is about the recent past (Gama, Sebastião & Rodrigues, Machine Learning 2013).
"""

from dataclasses import dataclass

_FADING = 0.995  # the last 200 texts weigh as much as all before them


@dataclass(slots=True)
class Prequential:
    """Accuracy of one task's heads on texts that they had not seen. A label that is new counts as wrong.

    Attributes:
        tested: Texts.
        right: Of these.
        recent: Share of right ones, the latest weighing most; None before the first.
    """

    tested: int = 0
    right: int = 0
    recent: float | None = None
    _weight: float = 0.0

    def update(self, right: bool) -> None:
        """A text was judged."""
        self.tested += 1
        self.right += right
        before = 0.0 if self.recent is None else self.recent * self._weight * _FADING
        self._weight = self._weight * _FADING + 1.0
        self.recent = (before + right) / self._weight

    @property
    def accuracy(self) -> float | None:
        """Share of right ones among all; None before the first."""
        return self.right / self.tested if self.tested else None

    def as_dict(self) -> dict[str, float | int | None]:
        """For status and reports."""
        return {"tested": self.tested, "accuracy": self.accuracy, "recent": self.recent}
