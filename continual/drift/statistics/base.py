"""What a statistic is."""

from typing import Protocol

from ..sums import Floats, Sums


class Statistic(Protocol):
    """How far a window is from the reference."""

    @property
    def name(self) -> str:
        """For programs, e.g. `novelty_tail`."""
        ...

    @property
    def title(self) -> str:
        """For people."""
        ...

    def get(self, window: Sums, reference: Sums) -> Floats:
        """How far; larger is further.

        Args:
            window: One window, or many at once.
            reference: One, or as many as there are windows.

        Returns:
            Shape (), or (w,) of w windows; finite, also for an empty window.
        """
        ...

    def describe(self, sums: Sums) -> float:
        """The plain value in one window or in the reference, as a chart shows it."""
        ...
