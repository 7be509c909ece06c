"""A whole bench on a small encoder."""

import itertools
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from profilestream.continual.bench.cells import Setting, read_cell
from profilestream.continual.bench.data import Benchmark
from profilestream.continual.bench.plot import draw
from profilestream.continual.bench.results import Results
from profilestream.continual.bench.run import run_bench
from profilestream.continual.strategies.strategy import StrategyOptions
from profilestream.continual.training.options import TrainingOptions
from profilestream.inference.encoder import Encoder

ROWS = [(f"{label * 3}{n}", label) for label in "abcd" for n in range(6)]
BENCHMARK = Benchmark(name="letters", tasks={"one": ["a", "b"], "two": ["c", "d"]}, train=ROWS, val=[], test=ROWS)
TRAINING = TrainingOptions(layers=1, epochs=1, batch=8)
SETTING = Setting(
    benchmark=BENCHMARK,
    per_class=4,
    options=StrategyOptions(training=TRAINING, buffer=4, features=8, joint_epochs=1),
)
NAMES = ("naive", "joint", "ours")


def bench(encoder: Encoder, folder: Path, told: list[str] | None = None, **changes) -> Results:
    """Two seeds of three strategies."""
    chosen = {"setting": SETTING, "strategies": NAMES, "seeds": 2, "budget": None} | changes
    report = [] if told is None else told
    return run_bench(encoder, folder=folder, report=lambda what, _done, _total: report.append(what), **chosen)


def test_the_figures_of_every_strategy(tiny_encoder: Encoder, tmp_path: Path) -> None:
    """Each has a mean and a spread of every figure, as fractions of 1, and joint is 1 of itself."""
    results = bench(tiny_encoder, tmp_path)
    found = orjson.loads(orjson.dumps(results.as_dict()))["strategies"]
    assert set(found) == set(NAMES)
    for row in found.values():
        for figure in ("final_accuracy", "learning_accuracy", "share_of_joint"):
            assert 0 <= row[figure]["mean"] <= 2
            assert row[figure]["spread"] >= 0
        assert -1 <= row["forgetting"]["mean"] <= 1
    assert found["joint"]["share_of_joint"] == {"mean": 1.0, "spread": 0.0}
    assert results.left_out == []
    assert [len(row) for row in found["ours"]["matrix"]] == [1, 2]


def test_finished_runs_are_not_run_again(tiny_encoder: Encoder, tmp_path: Path) -> None:
    """The second time nothing is trained, and the figures are the same; a damaged file is made again."""
    first = bench(tiny_encoder, tmp_path)
    told: list[str] = []
    assert bench(tiny_encoder, tmp_path, told) == first
    assert told == []
    damaged = next((tmp_path / "cells").glob("ours-1-*"))
    damaged.write_bytes(damaged.read_bytes()[:-20])
    bench(tiny_encoder, tmp_path, told)
    assert {what.partition(":")[0] for what in told} == {"ours, seed 1"}
    assert read_cell(damaged) is not None


def test_other_settings_are_other_runs(tiny_encoder: Encoder, tmp_path: Path) -> None:
    """What was measured with one buffer is never shown for another."""
    bench(tiny_encoder, tmp_path, strategies=["ours"], seeds=1)
    told: list[str] = []
    other = replace(SETTING, options=replace(SETTING.options, buffer=3))
    bench(tiny_encoder, tmp_path, told, strategies=["ours"], seeds=1, setting=other)
    assert told


def test_the_budget_ends_it_and_says_what_is_missing(tiny_encoder: Encoder, tmp_path: Path) -> None:
    """What is finished counts, the rest is named, and the next call goes on from there."""
    ticks = itertools.count()
    results = bench(tiny_encoder, tmp_path, budget=12, clock=lambda: next(ticks))
    assert next(iter(results.rows)) == "naive"
    assert results.left_out[-1] == ("ours", 1)
    assert len(results.left_out) + sum(row.seeds for row in results.rows.values()) == 6
    assert bench(tiny_encoder, tmp_path).left_out == []


def test_without_joint_there_is_no_share_of_it(tiny_encoder: Encoder, tmp_path: Path) -> None:
    """Nothing is made up."""
    results = bench(tiny_encoder, tmp_path, strategies=["ours"], seeds=1)
    assert results.rows["ours"].share_of_joint is None
    assert results.rows["ours"].gap_closed is None


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_picture_is_drawn(kind: str, tiny_encoder: Encoder, tmp_path: Path) -> None:
    """With whatever was finished."""
    path = tmp_path / f"picture.{kind}"
    draw(bench(tiny_encoder, tmp_path, seeds=1), path)
    assert path.read_bytes()[:5] in {b"\x89PNG\r", b"<?xml"}
