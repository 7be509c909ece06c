"""The plan: its model gives back what was measured, and says where it bends."""

import json
from pathlib import Path
from typing import Any

import pytest

from profilestream.deploy.bench.plan import Costs, Mix, measured_rate, plan, predicted
from profilestream.schemas.errors import ConfigurationError


@pytest.fixture
def figures() -> dict[str, Any]:
    """Figures of a run of `make bench`."""
    found: dict[str, Any] = json.loads((Path(__file__).parent / "figures.json").read_bytes())
    return found


@pytest.mark.parametrize("kind", ["distinct", "without_text", "known_texts"])
def test_the_model_gives_back_what_was_measured(figures: dict[str, Any], kind: str) -> None:
    """From costs and two efficiencies, every kind of event that was measured comes out as fast as it was."""
    assert predicted(figures, kind) == pytest.approx(measured_rate(figures, kind), rel=0.2)


def test_more_is_never_slower_and_never_cheaper(figures: dict[str, Any]) -> None:
    """Twice the rate takes at least as much of everything; a million events cost the same."""
    costs, mix = Costs.of(figures), Mix(with_text=0.3)
    one, two = plan(costs, 20_000, mix), plan(costs, 40_000, mix)
    assert (two.workers, two.triton_cores, two.stores) >= (one.workers, one.triton_cores, one.stores)
    assert two.core_hours == one.core_hours
    assert two.partitions >= two.workers


def test_texts_bend_at_the_encoder_and_clicks_elsewhere(figures: dict[str, Any]) -> None:
    """On one machine new texts are bound by all its cores; without text the worker's one thread is the first bound."""
    costs = Costs.of(figures)
    demand = costs.demand(Mix())
    assert max(demand, key=demand.__getitem__) == "triton"
    assert costs.one_machine(Mix(with_text=0.0, updates=0.02))[1] == "worker"


def test_gpus_stand_in_for_the_encoders_cores(figures: dict[str, Any]) -> None:
    """The throughput of a GPU is given, never made up."""
    costs = Costs.of(figures)
    assert plan(costs, 50_000, Mix()).gpus is None
    with_gpu = plan(costs, 50_000, Mix(), gpu_texts=20_000)
    assert (with_gpu.gpus, with_gpu.triton_cores) == (5, 0)


def test_figures_without_costs_are_refused() -> None:
    """Whoever feeds it something else is told what it needs."""
    with pytest.raises(ConfigurationError, match="pipeline,users"):
        Costs.of({"machine": {"cores": 2}})
