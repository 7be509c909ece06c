"""How often: a token bucket for each caller (Turner, 1986)."""

import time
from collections.abc import Callable


class RateLimiter:
    """Callers may ask `rate` times a second, and up to a second's worth at once.

    Names come from the settings, so there are as many buckets as tokens.

    Args:
        rate: Requests a second.
        clock: Seconds.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._most = max(rate, 1.0)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, name: str) -> float:
        """Take one; 0, or the seconds until there is one again (then none is taken)."""
        now = self._clock()
        level, then = self._buckets.get(name, (self._most, now))
        level = min(self._most, level + (now - then) * self._rate)
        if level < 1:
            self._buckets[name] = level, now
            return (1 - level) / self._rate
        self._buckets[name] = level - 1, now
        return 0.0
