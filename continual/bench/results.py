"""What a bench found, over seeds, and beside joint training."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from .cells import Cell, Setting
from .metrics import Figure, Matrix, final_accuracy, forgetting, learning_accuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One strategy over its seeds.

    Attributes:
        final_accuracy: A_T, as a fraction of 1.
        forgetting: F, as a fraction of 1.
        learning_accuracy: On each task right after it was learned.
        share_of_joint: A_T of joint training with the same seed is 1; None where no such cell was finished.
        gap_closed: 0 is naive fine-tuning and 1 is joint training, with the same seed.
        seconds: A run took.
        seeds: That were finished.
        matrix: The mean accuracy matrix.
    """

    final_accuracy: Figure
    forgetting: Figure
    learning_accuracy: Figure
    share_of_joint: Figure | None
    gap_closed: Figure | None
    seconds: Figure
    seeds: int
    matrix: Matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All strategies.

    Attributes:
        benchmark: Name of the data set.
        tasks: Their names, in order.
        per_class: Texts a label; None: all.
        buffer: Most texts kept for replay.
        rows: By strategy.
        left_out: Strategies and seeds for which the budget was too small.
    """

    benchmark: str
    tasks: Sequence[str]
    per_class: int | None
    buffer: int
    rows: dict[str, Row]
    left_out: Sequence[tuple[str, int]]

    @classmethod
    def of(cls, setting: Setting, cells: Sequence[Cell], left_out: Sequence[tuple[str, int]]) -> "Results":
        """Sum cells up."""
        final = {(cell.strategy, cell.seed): final_accuracy(cell.matrix) for cell in cells}
        names = dict.fromkeys(cell.strategy for cell in cells)
        return cls(
            benchmark=setting.benchmark.name,
            tasks=list(setting.benchmark.tasks),
            per_class=setting.per_class,
            buffer=setting.options.buffer,
            rows={name: _row([cell for cell in cells if cell.strategy == name], final) for name in names},
            left_out=left_out,
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        found = asdict(self)
        found["strategies"] = found.pop("rows")
        found["left_out"] = [{"strategy": name, "seed": seed} for name, seed in self.left_out]
        return found

    def table(self) -> Table:
        """For people, in per cent."""
        texts = f"{self.per_class} texts a label" if self.per_class else "all texts"
        title = f"{self.benchmark}, {len(self.tasks)} tasks in turn, {texts}, buffer {self.buffer}"
        table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        table.caption = "per cent; A_T: accuracy on all tasks in the end, F: forgetting; s: seconds; n: seeds"
        table.add_column("strategy", no_wrap=True)
        for name in ("A_T", "F", "learned", "of joint", "gap", "s", "n"):
            table.add_column(name, justify="right", no_wrap=True)
        for name, row in sorted(self.rows.items(), key=lambda item: -item[1].final_accuracy.mean):
            shares = (row.final_accuracy, row.forgetting, row.learning_accuracy, row.share_of_joint, row.gap_closed)
            table.add_row(name, *map(_percent, shares), f"{row.seconds.mean:.0f}", str(row.seeds))
        return table


def _row(cells: Sequence[Cell], final: dict[tuple[str, int], float]) -> Row:
    matrices = [cell.matrix for cell in cells]
    shares = [final[key(cell)] / final["joint", cell.seed] for cell in cells if final.get(("joint", cell.seed))]
    gaps = [gap for cell in cells if (gap := _gap(cell, final)) is not None]
    return Row(
        final_accuracy=Figure.of([final_accuracy(matrix) for matrix in matrices]),
        forgetting=Figure.of([forgetting(matrix) for matrix in matrices]),
        learning_accuracy=Figure.of([learning_accuracy(matrix) for matrix in matrices]),
        share_of_joint=Figure.of(shares) if shares else None,
        gap_closed=Figure.of(gaps) if gaps else None,
        seconds=Figure.of([cell.seconds for cell in cells]),
        seeds=len(cells),
        matrix=[[fmean(column) for column in zip(*rows, strict=True)] for rows in zip(*matrices, strict=True)],
    )


def key(cell: Cell) -> tuple[str, int]:
    """Strategy and seed."""
    return cell.strategy, cell.seed


def _gap(cell: Cell, final: dict[tuple[str, int], float]) -> float | None:
    worst, best = final.get(("naive", cell.seed)), final.get(("joint", cell.seed))
    if worst is None or best is None or best <= worst:
        return None
    return (final[key(cell)] - worst) / (best - worst)


def _percent(figure: Figure | None) -> str:
    return f"{100 * figure.mean:.1f}±{100 * figure.spread:.1f}" if figure else "-"
