"""The test of the tests: defects put in on purpose are found."""

import pytest

from profilestream.stream.simulation.history import play
from profilestream.stream.simulation.mutants import MUTANTS
from profilestream.stream.simulation.run import quiet, soak

# What it does, and a seed from which it does not take long to show.
SHOWS = {
    "acknowledges early": ("lost", 9),
    "skips the offset check": ("doubled", 0),
    "commits before the update is acknowledged": ("does not end with", 12),
    "skips the id check": ("doubled", 0),
    "goes on when the store lost writes": ("lost", 22),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_defect_is_found(name: str) -> None:
    """A short soak finds it, and tells a short history that can be played again and that the engine itself stands."""
    problem, seed = SHOWS[name]
    failure = soak(seed, 3000, MUTANTS[name]).failure
    assert failure is not None
    assert any(problem in told for told in failure.problems)
    assert len(failure.story) < 60
    with quiet():
        assert play(failure.plan, MUTANTS[name]).problems == failure.problems
        assert play(failure.plan).problems == []
