"""How each user's interests went, in a bounded number of points: dense lately, sparse long ago."""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

POINTS = 24  # a user, 26 bytes each
LABELS = 3  # a point

NONE = -1  # no label


Number = TypeVar("Number", bound=np.generic)


class Point(NamedTuple):
    """Leading interests at one time (ms), label ids and shares, the best first."""

    time: int
    labels: list[tuple[int, float]]


class History:
    """Points of many users, in slots that the index gives out.

    When a user's points are full, every second of them goes, the newest stays: what is kept covers all the time, and
    thins out towards the past.
    """

    def __init__(self) -> None:
        self._count: NDArray[np.int16] = np.zeros(0, np.int16)
        self._time: NDArray[np.int64] = np.zeros((0, POINTS), np.int64)
        self._labels: NDArray[np.int32] = np.zeros((0, POINTS, LABELS), np.int32)
        self._shares: NDArray[np.float16] = np.zeros((0, POINTS, LABELS), np.float16)

    def grow(self, slots: int) -> None:
        """Make room for slots 0 to `slots` - 1."""
        self._count = grown(self._count, slots)
        self._time = grown(self._time, slots)
        self._labels = grown(self._labels, slots)
        self._shares = grown(self._shares, slots)

    def clear(self, slot: int) -> None:
        """Forget the user of a slot."""
        self._count[slot] = 0

    def add(self, slot: int, time: int, labels: NDArray[np.int32], shares: NDArray[np.float16]) -> None:
        """A point; it takes the place of the last one where no time has passed.

        Args:
            slot: Whose.
            time: In ms.
            labels: Ids, `NONE` where there is none, at least `LABELS`.
            shares: Theirs.
        """
        count = int(self._count[slot])
        if count and self._time[slot, count - 1] >= time:
            count -= 1
        elif count == POINTS:
            count = self._thin(slot)
        self._time[slot, count] = time
        self._labels[slot, count] = labels[:LABELS]
        self._shares[slot, count] = shares[:LABELS]
        self._count[slot] = count + 1

    def points(self, slot: int) -> list[Point]:
        """All that is kept of a user, the oldest first."""
        found = []
        for at in range(int(self._count[slot])):
            pairs = zip(self._labels[slot, at].tolist(), self._shares[slot, at].tolist(), strict=True)
            found.append(Point(int(self._time[slot, at]), [pair for pair in pairs if pair[0] != NONE]))
        return found

    def _thin(self, slot: int) -> int:
        for array in (self._time, self._labels, self._shares):
            array[slot, : POINTS // 2] = array[slot, 1::2].copy()
        return POINTS // 2


def grown(array: NDArray[Number], rows: int) -> NDArray[Number]:
    """The array with more rows, the new ones zero."""
    wide = np.zeros((rows, *array.shape[1:]), array.dtype)
    wide[: len(array)] = array
    return wide
