"""Which offsets may be acknowledged: only what has nothing unfinished before it."""

from collections import deque

from .ports import Partition


class _Lane:
    """One partition: offsets in the order in which they were read."""

    def __init__(self) -> None:
        self.pending: deque[int] = deque()
        self.finished: set[int] = set()


class OffsetTracker:
    """Follows records from fetch to finish, in any order of finishing.

    Offsets of a partition may have gaps (compaction, transaction markers), so what counts is the order of reading.
    """

    def __init__(self) -> None:
        self._lanes: dict[Partition, _Lane] = {}

    def begin(self, partition: Partition, offset: int) -> None:
        """A record was read.

        Raises:
            ValueError: It was read before a record that is already in flight.
        """
        pending = self._lanes.setdefault(partition, _Lane()).pending
        if pending and offset <= pending[-1]:
            raise ValueError(f"{partition}: offset {offset} was read after {pending[-1]}")
        pending.append(offset)

    def finish(self, partition: Partition, offset: int) -> int | None:
        """A record is done with.

        Returns:
            The next offset to read, if the finished prefix has grown; otherwise None.
        """
        lane = self._lanes[partition]
        lane.finished.add(offset)
        last: int | None = None
        while lane.pending and lane.pending[0] in lane.finished:
            last = lane.pending.popleft()
            lane.finished.remove(last)
        return None if last is None else last + 1

    def in_flight(self) -> int:
        """How many records were read and not yet acknowledged."""
        return sum(len(lane.pending) for lane in self._lanes.values())
