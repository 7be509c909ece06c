"""Waiting for a service to come back: nothing is dropped, work goes on when it does."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from ...schemas.errors import UnavailableError

T = TypeVar("T")

FIRST_WAIT = 0.05  # seconds
LONGEST_WAIT = 3.0

log = structlog.get_logger(__name__)


async def until_available(call: Callable[[], Awaitable[T]], what: str) -> T:
    """Await `call()` again and again until its service is there.

    Waits between tries grow and are drawn at random (full jitter), so that many workers do not come back at once.

    Args:
        call: May raise UnavailableError; must be safe to repeat.
        what: For the log: one line when it goes, one when it is back.
    """
    wait, failures = FIRST_WAIT, 0
    while True:
        try:
            answer = await call()
        except UnavailableError as error:
            failures += 1
            if failures == 1:
                log.warning("service unavailable, waiting for it", service=what, error=str(error))
            await asyncio.sleep(random.uniform(0, wait))  # noqa: S311 (not a secret)
            wait = min(2 * wait, LONGEST_WAIT)
        else:
            if failures:
                log.info("service is back", service=what, failures=failures)
            return answer
