"""How many records to take at once: as many as are done in the time that a batch may take.

A batch without texts is done in microseconds an event, and the larger it is, the more of a user's events share one
write. With texts the encoder decides, and a large batch is one that cannot be finished when partitions move.
"""

FIRST = 256  # before anything was measured
LEAST = 32  # smaller ones cost more an event, and so would be late for ever
_GROWTH = 4.0


class Pace:
    """Follows how long batches take: grows fourfold, and shrinks at once to what would have been in time.

    Behind a stream of events without texts, a batch of texts takes a hundred times as long: by halving it would be a
    minute before batches are in time again. Behind texts, and after an outage, it takes a few batches to grow back.

    After a pause nobody knows what comes: it begins small again, like an idle TCP connection (RFC 5681, section 4.1).
    A burst of texts is then embedded, applied and published at the same time, and not one after the other in one piece.

    Args:
        most: The largest batch.
        seconds: How long a batch may take, from being read to being acknowledged.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._least = min(LEAST, most)
        self.size = min(FIRST, most)

    def rested(self, seconds: float) -> None:
        """There was nothing to do for so long: beyond what a batch may take, what was measured before is forgotten."""
        if seconds > self._seconds:
            self.size = min(self.size, FIRST)

    def took(self, records: int, seconds: float) -> None:
        """A batch of so many records took so long: the next ones are at most four times that."""
        if seconds > self._seconds:
            self.size = max(self._least, min(self.size, round(records * self._seconds / seconds)))
        elif 2 * records > self.size:  # one that was not full says nothing of larger ones
            growth = min(_GROWTH, self._seconds / max(seconds, 1e-9))
            self.size = min(self._most, max(self.size, round(records * growth)))
