"""Histories: repeatable, sound, and honest about what they prove."""

import os
import subprocess
import sys

import pytest

from profilestream.stream.simulation.faults import LOSSES, STRUCK, Fault
from profilestream.stream.simulation.history import Outcome, Plan, play
from profilestream.stream.simulation.run import plan_of, quiet, soak

NO_LOSSES = tuple(fault for fault in Fault if fault not in LOSSES)

TELL = """
import hashlib, sys
from profilestream.stream.simulation.history import play
from profilestream.stream.simulation.run import plan_of, quiet
with quiet():
    outcome = play(plan_of(int(sys.argv[1])))
print(hashlib.sha256(repr((outcome.story, outcome.findings, outcome.seconds)).encode()).hexdigest())
"""


@pytest.fixture(autouse=True)
def silence():
    """Services come and go hundreds of times."""
    with quiet():
        yield


@pytest.mark.parametrize("seed", [2, 3])
def test_a_seed_tells_the_same_story_everywhere(seed: int) -> None:
    """Another process with other hashes plays the same faults at the same times, with the same outcome."""

    def told(hashes: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", TELL, str(seed)],
            env={**os.environ, "PYTHONHASHSEED": hashes},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    assert told("1") == told("2")


def test_a_thousand_faults_of_all_kinds_lose_and_double_nothing() -> None:
    """Every event is in its user's profile once, every poison message is a dead letter, updates end at the profiles."""
    report = soak(2, 1000)
    assert report.failure is None, (report.failure.problems, report.failure.story)
    assert (report.lost, report.doubled) == (0, 0)
    assert report.events > 3000
    assert {fault for fault in Fault if not report.faults[fault]} == set()


def played(seeds: range, *, fenced: bool) -> list[Outcome]:
    """Histories without a store that loses writes."""
    return [play(Plan(seed=seed, fenced=fenced, kinds=NO_LOSSES)) for seed in seeds]


def test_with_fencing_revisions_never_go_back() -> None:
    """Zombies, late and repeated produces: a reader of the updates sees each user's revisions only grow."""
    outcomes = played(range(100, 104), fenced=True)
    assert sum(outcome.faults[Fault.ZOMBIE] + outcome.faults[Fault.DEAF] for outcome in outcomes) > 10
    assert [outcome.problems for outcome in outcomes] == [[]] * 4
    assert [outcome.findings.backward for outcome in outcomes] == [0] * 4


def test_without_fencing_who_ignores_lower_revisions_ends_right() -> None:
    """On a broker without transactions a zombie's old update may come late: revisions do go back, and that is all."""
    outcomes = played(range(105, 109), fenced=False)
    assert sum(outcome.findings.backward for outcome in outcomes) > 0
    assert [outcome.problems for outcome in outcomes] == [[]] * 4


@pytest.mark.parametrize("seed", [200, 201])
def test_without_faults_nothing_happens_twice(seed: int) -> None:
    """In peace each event is applied and nothing goes back, with or without fencing."""
    outcome = play(Plan(seed=seed, fenced=seed % 2 == 0, faults=0))
    assert (outcome.problems, outcome.findings.backward, outcome.faults.total()) == ([], 0, 0)


@pytest.mark.parametrize("kind", STRUCK, ids=lambda kind: kind.name)
def test_each_fault_alone_is_survived(kind: Fault) -> None:
    """So that a failure of the mixture is not needed to find it."""
    outcomes = [play(Plan(seed=seed, events=events, kinds=(kind,))) for seed, events in ((300, 200), (301, 400))]
    assert [outcome.problems for outcome in outcomes] == [[], []]
    assert set(outcomes[0].faults + outcomes[1].faults) == {kind}


def test_the_seeds_cover_all_circumstances() -> None:
    """Four seeds in a row: with and without fencing, with and without a store that loses writes."""
    plans = [plan_of(seed) for seed in range(4)]
    assert {(plan.fenced, Fault.STORE_LOSES in plan.kinds) for plan in plans} == {
        (fenced, loses) for fenced in (True, False) for loses in (True, False)
    }
