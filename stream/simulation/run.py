"""Many histories, one after the other, and the shortest one that shows a failure."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from .faults import LOSSES, Fault
from .history import Outcome, Plan, play
from .world import Parts

FAULTS = 10_000


@dataclass(slots=True, kw_only=True)
class Report:
    """What came out of all histories.

    Attributes:
        seed: Of the first history; each next one has the next seed.
        histories: How many were played.
        faults: How many of which kind.
        events: Events and poison messages that had to be accounted for.
        lost, doubled: See `Findings`.
        backward: Updates whose revision went back, by what the broker and the store did.
        stale_at_end: Profiles that the compacted topic does not end with, likewise.
        failure: The first history in which something did not hold, made as short as possible.
        seconds: How long it took.
    """

    seed: int
    histories: int = 0
    faults: Counter[Fault] = field(default_factory=Counter)
    events: int = 0
    lost: int = 0
    doubled: int = 0
    backward: Counter[str] = field(default_factory=Counter)
    stale_at_end: Counter[str] = field(default_factory=Counter)
    failure: Outcome | None = None
    seconds: float = 0.0

    @property
    def sound(self) -> bool:
        """Everything that is promised held."""
        return self.failure is None

    def add(self, outcome: Outcome) -> None:
        """Count a history."""
        found = outcome.findings
        where = circumstances(fenced=outcome.plan.fenced, lost_writes=outcome.store_lost_writes)
        self.histories += 1
        self.faults += outcome.faults
        self.events += found.events
        self.lost += found.lost
        self.doubled += found.doubled
        self.backward[where] += found.backward
        self.stale_at_end[where] += found.stale_at_end

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "faults": self.faults.total(),
            "faults_by_kind": {fault.value: self.faults[fault] for fault in Fault},
            "events": self.events,
            "lost": self.lost,
            "doubled": self.doubled,
            "seed": self.seed,
            "histories": self.histories,
            "revisions_back": self.backward,
            "stale_at_end_of_topic": self.stale_at_end,
            "problems": self.failure.problems if self.failure else [],
            "seconds": round(self.seconds, 1),
        }


def soak(
    seed: int, faults: int = FAULTS, parts: Parts | None = None, progress: Callable[[Report], None] | None = None
) -> Report:
    """Play histories until there were enough faults, or one of them shows a failure.

    Args:
        seed: Of the first history, see `plan_of`.
        faults: How many.
        parts: What is tested.
        progress: Called after each history.
    """
    report = Report(seed=seed)
    began = time.monotonic()
    with quiet():
        while report.sound and report.faults.total() < faults:
            outcome = play(plan_of(seed + report.histories), parts)
            report.add(outcome)
            if outcome.problems:
                report.failure = shortest(outcome, parts)
            report.seconds = time.monotonic() - began
            if progress:
                progress(report)
    return report


def plan_of(seed: int) -> Plan:
    """The history that belongs to a seed: with and without fencing, with and without a store that loses writes."""
    kinds = tuple(fault for fault in Fault if seed // 2 % 2 or fault not in LOSSES)
    return Plan(seed=seed, fenced=seed % 2 == 0, kinds=kinds)


def circumstances(*, fenced: bool, lost_writes: bool) -> str:
    """What decides whether revisions can go back, in words."""
    return f"{'fenced' if fenced else 'not fenced'}, the store {'lost writes' if lost_writes else 'kept all'}"


def shortest(failed: Outcome, parts: Parts | None = None) -> Outcome:
    """A history with fewer events, faults and kinds of faults that fails too."""
    best = failed

    def still(**smaller: Any) -> bool:
        nonlocal best
        outcome = play(replace(best.plan, **smaller), parts)
        if outcome.problems:
            best = outcome
        return bool(outcome.problems)

    while best.plan.events > 10 and still(events=best.plan.events // 2):
        pass
    _fewest_faults(best.faults.total(), still)
    for kind in list(best.faults):
        still(kinds=tuple(other for other in best.plan.kinds if other is not kind))
    _fewest_faults(best.faults.total(), still)
    return best


def _fewest_faults(enough: int, still: Callable[..., bool]) -> None:
    """Bisect: the first so many faults are the same, however many follow."""
    few = -1
    while enough - few > 1:
        middle = (few + enough) // 2
        if still(faults=middle):
            enough = middle
        else:
            few = middle


@contextmanager
def quiet() -> Iterator[None]:
    """Without the log lines of services that come and go ten thousand times."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
