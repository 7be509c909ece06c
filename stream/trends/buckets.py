"""Time in buckets: minutes for what happens now, hours for what happened."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resolution:
    """One way to cut time.

    Attributes:
        seconds: Length of a bucket.
        kept: So many buckets are kept.
    """

    seconds: int
    kept: int

    def bucket(self, now: float) -> int:
        """Beginning of the bucket that `now` (seconds since 1970) is in."""
        return int(now) // self.seconds * self.seconds

    def last(self, now: float, count: int) -> list[int]:
        """Beginnings of the last `count` buckets, the current one included, oldest first."""
        current = self.bucket(now)
        return [current - self.seconds * back for back in reversed(range(min(count, self.kept)))]


MINUTES = Resolution(60, 180)
HOURS = Resolution(3600, 14 * 24)
RESOLUTIONS = (MINUTES, HOURS)
