"""A bench as a picture."""

import math
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from ...schemas.errors import SetupError
from .results import Results

_COLOURS = (
    "#4477aa",
    "#ee6677",
    "#228833",
    "#ccbb44",
    "#66ccee",
    "#aa3377",
    "#bbbbbb",
    "#000000",
    "#ee8866",
    "#44bb99",
)
_COLUMNS = 5


def draw(results: Results, path: Path) -> None:
    """Final accuracies with their spread, accuracy as tasks come, and each strategy's accuracy matrix.

    Args:
        results: With one strategy or more.
        path: Ends in `.png` or `.svg`.

    Raises:
        SetupError: It cannot be written.
    """
    names = sorted(results.rows, key=lambda name: results.rows[name].final_accuracy.mean)
    matrices = [name for name in reversed(names) if len(results.rows[name].matrix) == len(results.tasks) > 1]
    lines = math.ceil(len(matrices) / _COLUMNS)
    picture = Picture(figsize=(14, 5 + 3 * lines), layout="constrained")
    grid = picture.add_gridspec(1 + lines, 2 * _COLUMNS, height_ratios=[1.7] + [1] * lines)
    _bars(picture.add_subplot(grid[0, :_COLUMNS]), results, names)
    _curves(picture.add_subplot(grid[0, _COLUMNS:]), results, names)
    for place, name in enumerate(matrices):
        row, column = divmod(place, _COLUMNS)
        _matrix(picture.add_subplot(grid[1 + row, 2 * column : 2 * column + 2]), results, name)
    texts = f"{results.per_class} texts a label" if results.per_class else "all texts"
    picture.suptitle(f"{results.benchmark}: {len(results.tasks)} tasks in turn, {texts}, buffer {results.buffer}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.savefig(path, dpi=110)
    except OSError as error:
        raise SetupError(f"cannot write {path}: {error.strerror}") from error


def _colour(results: Results, name: str) -> str:
    return _COLOURS[sorted(results.rows).index(name) % len(_COLOURS)]


def _bars(axes: Axes, results: Results, names: list[str]) -> None:
    figures = [results.rows[name].final_accuracy for name in names]
    colours = [_colour(results, name) for name in names]
    means = [100 * figure.mean for figure in figures]
    axes.barh(names, means, xerr=[100 * figure.spread for figure in figures], color=colours, capsize=3)
    for place, (mean, figure) in enumerate(zip(means, figures, strict=True)):
        axes.text(mean + 100 * figure.spread + 1, place, f"{mean:.1f}", va="center")
    axes.set_xlim(0, 112)
    axes.set_xlabel("accuracy on all tasks after the last, %")
    axes.spines[["top", "right"]].set_visible(False)


def _curves(axes: Axes, results: Results, names: list[str]) -> None:
    for name in reversed(names):
        rows = results.rows[name].matrix
        at = range(len(results.tasks) - len(rows) + 1, len(results.tasks) + 1)
        accuracies = [100 * sum(row) / len(row) for row in rows]
        axes.plot(at, accuracies, marker="*" if len(rows) == 1 else ".", label=name, color=_colour(results, name))
    axes.set_xlabel("tasks learned")
    axes.set_ylabel("accuracy on them, %")
    axes.set_xticks(range(1, len(results.tasks) + 1))
    axes.legend(fontsize=8, ncols=2)
    axes.spines[["top", "right"]].set_visible(False)


def _matrix(axes: Axes, results: Results, name: str) -> None:
    rows = results.rows[name].matrix
    square = [[100 * value for value in row] + [math.nan] * (len(rows) - len(row)) for row in rows]
    axes.imshow(square, vmin=0, vmax=100, cmap="viridis")
    axes.set_title(f"{name}: % on task (across)\nafter task (down)", fontsize=8)
    axes.set_xticks([])
    axes.set_yticks([])
    if len(rows) <= 12:
        for down, row in enumerate(rows):
            for across, value in enumerate(row):
                ink = "white" if value < 0.6 else "black"
                axes.text(across, down, f"{100 * value:.0f}", ha="center", va="center", fontsize=5, color=ink)
