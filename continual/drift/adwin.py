"""river's ADWIN, fed with arrays, and able to survive a restart."""

from collections.abc import Iterable
from typing import Any

import numpy as np

# The detector itself, without `river.drift` around it: that imports scipy and scikit-learn, 95 MB in every worker.
# pyproject.toml keeps river below 0.27, because this module is not public.
from river._river_rust.drift import AdaptiveWindowing

from .sums import Floats

REMEMBERED = 2000


class Adwin:
    """Adaptive windowing: has the mean of a stream changed (Bifet & Gavaldà, SDM 2007).

    Args:
        delta: Confidence; smaller means fewer false alarms (river's default: 0.002).
        clock: Looks for a change after so many values.

    Attributes:
        width: Values in the adaptive window.
    """

    def __init__(self, delta: float = 1e-4, clock: int = 32) -> None:
        self._settings = {
            "delta": delta,
            "clock": clock,
            "max_buckets": 5,
            "min_window_length": 5,
            "grace_period": 10,
        }
        self._detector: Any = _detector(self._settings)
        # What a restart begins with: the detector's own state is binary, of one version of river.
        self._recent: Floats = np.zeros(0)

    def update(self, values: Iterable[float]) -> list[tuple[int, float]]:
        """Add values, in their order.

        Returns:
            For each change: the position of the value at which it was noticed, and by how much the mean moved.
        """
        array = np.asarray(values, dtype=np.float64)
        changes: list[tuple[int, float]] = []
        before = self.get()
        for position, value in enumerate(array.tolist()):
            if self._detector.update(value):
                after = self._detector.get_total() / max(self._detector.get_width(), 1)
                changes.append((position, after - before))
                before = after
        self._recent = np.concatenate([self._recent, array])[-REMEMBERED:]
        self._recent = self._recent[-max(int(self._detector.get_width()), 1) :]
        return changes

    def get(self) -> float:
        """Mean of the adaptive window; 0 where it is empty."""
        width = self._detector.get_width()
        return float(self._detector.get_total() / width) if width else 0.0

    @property
    def width(self) -> int:
        """Values in the adaptive window."""
        return int(self._detector.get_width())

    @property
    def recent(self) -> Floats:
        """The last values of the window, at most 2,000: what `restore` takes."""
        return self._recent

    def restore(self, recent: Floats) -> None:
        """Begin anew with what `recent` gave: an older past is forgotten, changes in it are not told again."""
        self._detector = _detector(self._settings)
        self._recent = np.zeros(0)
        self.update(recent)


def _detector(settings: dict[str, Any]) -> Any:
    return AdaptiveWindowing(**settings)
