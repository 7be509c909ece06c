"""What a benchmark's file has to be."""

import json
from pathlib import Path

import pytest

from profilestream.continual.bench.data import find_clinc150, read_benchmark
from profilestream.schemas.errors import ConfigurationError, SetupError

GOOD = {
    "tasks": {"one": ["a", "b"], "two": ["c"]},
    "train": [[f"{label} {n}", label] for label in "abc" for n in range(9)],
    "val": [],
    "test": [["a?", "a"], ["b?", "b"], ["c?", "c"], ["other", "not ours"]],
}


def written(folder: Path, **changes) -> Path:
    """The file, with some parts changed."""
    path = folder / "mine.json"
    path.write_text(json.dumps(GOOD | changes))
    return path


def test_tasks_come_in_order_with_their_own_texts(tmp_path: Path) -> None:
    """Each label's texts are in its task, at most as many as asked for, and others in none."""
    benchmark = read_benchmark(written(tmp_path))
    one, two = benchmark.training(4, seed=0)
    assert (benchmark.name, one.name, two.name) == ("mine", "one", "two")
    assert sorted(one.labels) == ["a"] * 4 + ["b"] * 4
    assert all(text.startswith(label) for text, label in zip(one.texts, one.labels, strict=True))
    assert [test.texts for test in benchmark.testing()] == [["a?", "b?"], ["c?"]]


def test_a_seed_draws_its_own_texts(tmp_path: Path) -> None:
    """Another seed is another sample, the same seed the same."""
    benchmark = read_benchmark(written(tmp_path))
    assert benchmark.training(4, 0) == benchmark.training(4, 0)
    assert set(benchmark.training(4, 0)[0].texts) != set(benchmark.training(4, 1)[0].texts)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"tasks": []}, "tasks"),
        ({"tasks": {"one": ["a"], "two": ["a"]}}, "two tasks"),
        ({"train": [["a"]]}, "train"),
        ({"test": [["a?", "a"]]}, "no texts in 'test'"),
        ({"val": None}, "val"),
    ],
)
def test_a_wrong_file_is_told_what_is_wrong(tmp_path: Path, changes, told: str) -> None:
    """The message names the part."""
    with pytest.raises(ConfigurationError, match=told):
        read_benchmark(written(tmp_path, **changes))


def test_a_file_that_is_no_json_is_told(tmp_path: Path) -> None:
    """With its path."""
    (tmp_path / "mine.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"mine\.json"):
        read_benchmark(tmp_path / "mine.json")


def test_clinc150_is_ten_tasks_of_fifteen() -> None:
    """The default benchmark, where it lies beside the checkout."""
    try:
        benchmark = read_benchmark(find_clinc150())
    except SetupError as error:
        pytest.skip(str(error))
    assert [len(labels) for labels in benchmark.tasks.values()] == [15] * 10
    assert sum(len(task.texts) for task in benchmark.training(None, 0)) == 15_000
    assert sum(len(task.texts) for task in benchmark.testing()) == 4_500
