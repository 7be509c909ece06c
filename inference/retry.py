"""Try again, with pauses that grow and are random: until a deadline, or until the service is back."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from ..schemas.errors import UnavailableError

T = TypeVar("T")

log = structlog.get_logger(__name__)


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


PATIENT = RetryPolicy(longest_pause=3.0)


async def retry(policy: RetryPolicy, attempt: Callable[[float], Awaitable[T]]) -> T:
    """The result of the first attempt that succeeds.

    Args:
        policy: How long and how often.
        attempt: Called with the seconds it has; raises `UnavailableError` where another attempt may succeed.

    Raises:
        UnavailableError: Of the last attempt, when the next could not begin before the deadline. Anything else that an
            attempt raises is raised at once.
    """
    clock = asyncio.get_running_loop().time
    begun, left, failures = clock(), policy.deadline, 0
    while True:
        try:
            return await attempt(min(policy.attempt, left))
        except UnavailableError:
            failures += 1
            pause = policy.pause(failures)
            if clock() - begun + pause >= policy.deadline:
                raise
            await asyncio.sleep(pause)
            left = policy.deadline - (clock() - begun)
            if left <= 0:  # a busy machine wakes us late
                raise


async def until_available(call: Callable[[], Awaitable[T]], what: str) -> T:
    """Await `call()` again and again until its service is there: nothing is dropped meanwhile.

    Args:
        call: May raise UnavailableError; must be safe to repeat.
        what: For the log: one line when it goes, one when it is back.
    """
    failures = 0
    while True:
        try:
            answer = await call()
        except UnavailableError as error:
            failures += 1
            if failures == 1:
                log.warning("service unavailable, waiting for it", service=what, error=str(error))
            await asyncio.sleep(PATIENT.pause(failures))
        else:
            if failures:
                log.info("service is back", service=what, failures=failures)
            return answer
