"""What an update job says of itself, in Redis, while it goes on: for the demo, the status command and dashboards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog

from ..continual.update.job import Told
from ..continual.update.state import JobState
from ..schemas.errors import UnavailableError
from ..stream.store.redis import RedisStore
from ..stream.worker.status import publish_status

log = structlog.get_logger(__name__)

_REPORT_SECONDS = 0.5


class UpdateStatus:
    """Follows one job.

    Args:
        reason: Why it runs.
        told: Told the same.
    """

    def __init__(self, reason: str, told: Told) -> None:
        self._told = told
        self._said: dict[str, Any] = {"reason": reason, "step": "", "done": 0, "of": 0, "outcome": None}

    def told(self, step: str, done: int, of: int) -> None:
        """Where the job is; may be called from a thread."""
        self._said = {**self._said, "step": step, "done": done, "of": of}
        self._told(step, done, of)

    def ended(self, state: JobState) -> None:
        """How it ended."""
        self._said = {**self._said, "outcome": state.outcome, "why": state.why}

    @asynccontextmanager
    async def shown(self, store: RedisStore) -> AsyncIterator[None]:
        """Publish it for as long as the block runs, and once more behind it."""
        showing = asyncio.create_task(self._show(store))
        try:
            yield
        finally:
            showing.cancel()
            await asyncio.wait([showing])
            await self._publish(store)

    async def _show(self, store: RedisStore) -> None:
        while True:
            await self._publish(store)
            await asyncio.sleep(_REPORT_SECONDS)

    async def _publish(self, store: RedisStore) -> None:
        try:
            await publish_status(store.client, "updater", self._said)
        except UnavailableError as error:
            log.debug("status not written", error=str(error))
