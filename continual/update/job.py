"""An update, from the feedback to the report: whatever happens in between, users have a model that passed the gate."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from ...schemas.errors import ProfilestreamError
from .ports import Models, Trainer, World
from .report import write_report
from .state import JobState, Outcome, all_jobs, job_id
from .steps import STEPS, Context, Ended, Options

log = structlog.get_logger(__name__)

Told = Callable[[str, int, int], None]


def _silent(_step: str, _done: int, _of: int) -> None:
    """Tell nobody."""


class UpdateJob:
    """Runs one job to its end, or goes on with the one that was cut off. One at a time: hold a lock.

    Args:
        folder: Below it each job has a folder of its own.
        reports: Below it each job's report is written.
        models: See `ports`.
        trainer: See `ports`.
        world: See `ports`.
        options: Of a job.
        told: Told which step goes on, and how far it is.
    """

    def __init__(
        self,
        folder: Path,
        reports: Path,
        *,
        models: Models,
        trainer: Trainer,
        world: World,
        options: Options | None = None,
        told: Told = _silent,
    ) -> None:
        self._folder = folder
        self._reports = reports
        self._models = models
        self._trainer = trainer
        self._world = world
        self._options = options or Options()
        self._told = told

    async def run(self, reason: str) -> JobState:
        """Do all steps that are not done yet; returns the job as it ended.

        Args:
            reason: Why it is run; a job that goes on keeps its own.

        Raises:
            UnavailableError: A service does not answer: run it again, it goes on where it was.
            ArtefactError: A file is damaged or cannot be written.
        """
        state = await self._open(reason)
        for name in STEPS:
            if state.outcome or name in state.done:
                continue
            state = await self._step(name, state)
        if not state.outcome:
            state = self._ended(state, "published", f"{state.done['write']['name']} passed the gate")
        if not state.finished:
            self._told("report", 0, 0)
            figures = {"folder": str(write_report(state, self._folder / state.id, self._reports / state.id))}
            state = self._save(state.model_copy(update={"done": {**state.done, "report": figures}}))
        return state

    async def _open(self, reason: str) -> JobState:
        """The job that was cut off, unless the champion it began with is not the champion any more; or a new one."""
        champion = (await self._models.champion()).name
        jobs = all_jobs(self._folder)
        if jobs and not jobs[-1].finished:
            state = jobs[-1]
            candidate = state.done.get("write", {}).get("name")
            log.info("update goes on", job=state.id, done=list(state.done))
            if champion in {state.champion, candidate} or state.outcome:
                return state
            why = f"{champion} became the champion meanwhile"
            if candidate and "publish" not in state.done:
                await self._models.refuse(candidate, why)
            return self._ended(state, "superseded", why)
        known = next((job.known_after() for job in reversed(jobs) if job.outcome == "published"), None)
        return self._save(JobState(id=job_id(), reason=reason, champion=champion, known=known))

    async def _step(self, name: str, state: JobState) -> JobState:
        self._told(name, 0, 0)
        context = Context(
            folder=self._folder / state.id,
            state=state,
            models=self._models,
            trainer=self._trainer,
            world=self._world,
            options=self._options,
            progress=lambda done, of: self._told(name, done, of),
        )
        try:
            figures = await STEPS[name](context)
        except Ended as ended:
            return self._ended(self._done(state, name, ended.figures), ended.outcome, ended.why)
        except ProfilestreamError as error:
            log.warning("update stopped", step=name, error=str(error))
            raise
        log.info("update", step=name, **{key: value for key, value in figures.items() if not isinstance(value, dict)})
        return self._done(state, name, figures)

    def _done(self, state: JobState, name: str, figures: dict[str, Any]) -> JobState:
        return self._save(state.model_copy(update={"done": {**state.done, name: figures}}))

    def _ended(self, state: JobState, outcome: Outcome, why: str) -> JobState:
        log.info("update ended", outcome=outcome, why=why)
        return self._save(state.model_copy(update={"outcome": outcome, "why": why}))

    def _save(self, state: JobState) -> JobState:
        state.save(self._folder / state.id)
        return state
