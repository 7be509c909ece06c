"""Try again until a deadline, with pauses that grow and are random."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from ..schemas.errors import UnavailableError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", 2015).

    Attributes:
        deadline: Seconds for all attempts and pauses together.
        attempt: Seconds for one attempt.
        first_pause: Longest pause after the first failure, in seconds; it doubles with each one.
        longest_pause: Where doubling ends.
    """

    deadline: float = 15.0
    attempt: float = 5.0
    first_pause: float = 0.05
    longest_pause: float = 2.0

    def pause(self, failures: int) -> float:
        """Seconds to wait after so many failures: uniform between 0 and the limit, so that clients spread out."""
        limit = min(self.longest_pause, self.first_pause * 2.0 ** min(failures - 1, 30))
        return random.uniform(0.0, limit)  # noqa: S311 -- not a secret


async def retry(policy: RetryPolicy, attempt: Callable[[float], Awaitable[T]]) -> T:
    """The result of the first attempt that succeeds.

    Args:
        policy: How long and how often.
        attempt: Called with the seconds it has; raises `UnavailableError` where another attempt may succeed.

    Raises:
        UnavailableError: Of the last attempt, when the next could not begin before the deadline. Anything else that an
            attempt raises is raised at once.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + policy.deadline
    failures = 0
    while True:
        try:
            return await attempt(min(policy.attempt, end - loop.time()))
        except UnavailableError:
            failures += 1
            pause = policy.pause(failures)
            if loop.time() + pause >= end:
                raise
        await asyncio.sleep(pause)
