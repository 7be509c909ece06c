"""The last texts, in windows that overlap."""

from collections import deque
from collections.abc import Iterator

from .rows import Rows


class SlidingWindows:
    """Gives a window of `size` texts after every `step` of them.

    Args:
        size: Texts in a window, a multiple of `step`.
        step: Texts between two windows.
    """

    def __init__(self, size: int, step: int) -> None:
        self._size, self._step = size, step
        self._panes: deque[Rows] = deque(maxlen=size // step)
        self._rest = Rows.empty()

    def update(self, rows: Rows) -> Iterator[Rows]:
        """Add texts; gives each window that they complete."""
        self._rest = Rows.join([self._rest, rows])
        while len(self._rest) >= self._step:
            self._panes.append(self._rest[: self._step])
            self._rest = self._rest[self._step :]
            if self.full:
                yield Rows.join(self._panes)

    def get(self) -> Rows:
        """All that is remembered, for `restore`."""
        return Rows.join([*self._panes, self._rest])

    def restore(self, rows: Rows, rest: int) -> None:
        """Put back what `get` gave.

        Args:
            rows: What it gave.
            rest: How many of them are in no window yet.
        """
        full = len(rows) - rest
        self._panes.clear()
        self._panes.extend(rows[at : at + self._step] for at in range(0, full, self._step))
        self._rest = rows[full:]

    @property
    def full(self) -> bool:
        """Whether there was a whole window."""
        return len(self._panes) == self._panes.maxlen

    @property
    def rest(self) -> int:
        """Texts that are in no window yet."""
        return len(self._rest)
