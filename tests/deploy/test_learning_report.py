"""What a bench of learning found, as the page shows it."""

import pytest

from profilestream.continual.bench.metrics import Figure
from profilestream.continual.bench.results import Results, Row
from profilestream.deploy.learning_report import report_of


def row(accuracy: float) -> Row:
    """A strategy's figures."""
    figure = Figure.of([accuracy])
    return Row(
        final_accuracy=figure,
        forgetting=Figure.of([0.1]),
        learning_accuracy=figure,
        share_of_joint=None,
        gap_closed=None,
        seconds=figure,
        seeds=1,
        matrix=[[0.9, 0.0], [accuracy, 0.8]],
    )


def results(**rows: Row) -> dict:
    """A bench's figures."""
    found = Results(benchmark="b", tasks=["one", "two"], per_class=1, buffer=1, rows=rows, left_out=[])
    return found.as_dict()


@pytest.mark.parametrize(
    ("rows", "shown"), [({"joint": 0.9, "er": 0.5, "naive": 0.3}, "er"), ({"ours": 0.4, "er": 0.5}, "ours")]
)
def test_ours_or_the_best_that_learns_in_turn(rows: dict[str, float], shown: str) -> None:
    """Row i has no figure for a task that comes after task i."""
    report = report_of(results(**{name: row(accuracy) for name, accuracy in rows.items()}), 5)
    assert report
    assert report.source == f"learn bench, {shown}, b"
    assert report.accuracy == ([0.9, None], [rows[shown], 0.8])
    assert (report.summary["average_accuracy"], report.summary["forgetting"]) == (rows[shown], 0.1)


def test_ceilings_alone_are_nothing_to_show() -> None:
    """They were trained on everything at once."""
    assert report_of(results(joint=row(0.9)), 5) is None
