"""The update job of the demo: begun in the background, followed, and read when it has ended."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from ...continual.update.state import all_jobs
from ...stream.store.redis import RedisStore
from ...stream.worker.status import read_statuses
from ..local.children import updater
from ..local.process import ServerProcess
from ..local.stack import LocalStack
from ..settings import Settings
from .learning import Learning

_POLL_SECONDS = 0.25
# A short fine-tune: the topmost layer in one thread; the rest of the machine is the stream's.
_OPTIONS = ("--reason", "a new topic", "--epochs", "2", "--layers", "1", "--threads", "1")
MOST_SECONDS = 420.0


class Updating:
    """One update in the background.

    Args:
        stack: Where it is started.
        settings: Of the demo.
        store: Where the job says how far it is.
        learning: Told all of it.
        graded: Grades who answers then.
    """

    def __init__(
        self,
        stack: LocalStack,
        settings: Settings,
        store: RedisStore,
        learning: Learning,
        graded: Callable[[], Awaitable[None]],
    ) -> None:
        self._stack, self._settings, self._store = stack, settings, store
        self._learning, self._graded = learning, graded

    async def run(self) -> None:
        """Until it has ended; a job that takes far too long is ended."""
        began = time.monotonic()
        process = await self._stack.start(lambda: updater(self._settings, *_OPTIONS))
        try:
            async with asyncio.timeout(MOST_SECONDS):
                await self._follow(process)
        except TimeoutError:
            self._learning.outcome, self._learning.why = "given up", f"it was not done within {MOST_SECONDS:.0f} s"
        finally:
            await self._stack.end(process)
        self._learning.update_seconds = time.monotonic() - began
        self._read()
        if self._learning.outcome == "published":
            await self._graded()

    async def _follow(self, process: ServerProcess) -> None:
        ending = asyncio.create_task(process.wait())
        try:
            while not ending.done():
                for said in (await read_statuses(self._store.client, "updater")).values():
                    self._learning.said(said)
                await asyncio.wait([ending], timeout=_POLL_SECONDS)
        finally:
            ending.cancel()

    def _read(self) -> None:
        """What the job wrote down: its own word, whatever the process said."""
        jobs = all_jobs(self._settings.home / "updates")
        if not jobs or not jobs[-1].finished:
            self._learning.outcome = self._learning.outcome or "failed"
            self._learning.why = self._learning.why or f"its log says why: {self._stack.run / 'updater.log'}"
            return
        state = jobs[-1]
        self._learning.outcome, self._learning.why = state.outcome, state.why
        self._learning.moved = state.done.get("migrate", {}).get("moved")
        self._learning.report = state.done["report"]["folder"]
