"""Does the feedback disagree with the model more than it used to?

Every label is a small exam before it is learned from (Gama, Sebastião & Rodrigues, Machine Learning 2013: prequential
error). A change of labels alone shows nowhere else: the texts are the same, only their meaning is not.
"""

from collections import deque
from collections.abc import Iterable

from .adwin import Adwin
from .sums import Floats

REFERENCE = 300  # labels
RECENT = 200


class Prequential:
    """Share of labels that the model got wrong: usual and now.

    Args:
        delta: Of ADWIN.

    Attributes:
        labels: Seen so far.
        usual: Share of errors in the first 300 labels; None until they are there.
    """

    def __init__(self, delta: float) -> None:
        self.adwin = Adwin(delta)
        self.labels = 0
        self.usual: float | None = None
        self._first = 0
        self._recent: deque[int] = deque(maxlen=RECENT)

    def update(self, errors: Iterable[int]) -> bool:
        """Add exams, 1 for a wrong answer; True where their rate has just risen."""
        worse = False
        for error in errors:
            self.labels += 1
            self._recent.append(error)
            self._first += error if self.labels <= REFERENCE else 0
            if self.labels == REFERENCE:
                self.usual = self._first / REFERENCE
            worse |= any(moved > 0 for _, moved in self.adwin.update([error]))
        return worse and self.usual is not None

    def get(self) -> float:
        """Share of errors in the last 200 labels."""
        return sum(self._recent) / len(self._recent) if self._recent else 0.0

    @property
    def recovered(self) -> bool:
        """Whether the last labels are within two standard deviations of what was usual."""
        if self.usual is None:
            return True
        spread = (max(self.usual * (1 - self.usual), 0.01) / max(len(self._recent), 1)) ** 0.5
        return bool(self.get() <= self.usual + 2 * spread)

    def state(self) -> dict[str, object]:
        """For JSON."""
        return {"labels": self.labels, "usual": self.usual, "first": self._first, "recent": list(self._recent)}

    def restore(self, state: "dict[str, object]", recent: Floats) -> None:
        """Put back what `state` and ADWIN's `recent` gave."""
        self.labels, self._first = int(str(state["labels"])), int(str(state["first"]))
        self.usual = None if state["usual"] is None else float(str(state["usual"]))
        kept = state["recent"]
        self._recent = deque(kept if isinstance(kept, list) else [], maxlen=RECENT)
        self.adwin.restore(recent)
