"""All cells of a bench, within a budget; what is finished is kept."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ...inference.encoder import Encoder
from ..training.tower import base_for
from .cells import Cell, Report, Setting, read_cell, run_cell, write_cell
from .results import Results


class _OutOfTimeError(Exception):
    """The budget is spent: the cell that runs is given up."""


def run_bench(
    encoder: Encoder,
    setting: Setting,
    *,
    strategies: Sequence[str],
    seeds: int,
    folder: Path,
    budget: float | None,
    report: Report,
    clock: Callable[[], float] = time.monotonic,
) -> Results:
    """Run the cells that are not finished yet, the first seed of every strategy before the second of any.

    Args:
        encoder: The champion that all begin with.
        setting: What the cells have in common.
        strategies: Names.
        seeds: How many: 0, 1, ...
        folder: Where finished cells are kept.
        budget: Seconds, after which nothing more is begun and what runs is given up; None: no limit.
        report: Told what is being done.
        clock: Seconds that never go back.

    Returns:
        What was finished, now or before, and what was left out.
    """
    until = clock() + budget if budget is not None else float("inf")

    def in_time(what: str, done: int, total: int) -> None:
        if clock() > until:
            raise _OutOfTimeError
        report(what, done, total)

    base = base_for(encoder, setting.options.training)
    cells: list[Cell] = []
    left_out: list[tuple[str, int]] = []
    for seed in range(seeds):
        for name in strategies:
            path = folder / "cells" / f"{name}-{seed}-{setting.key}.json"
            cell = read_cell(path)
            if cell is None and clock() < until:
                try:
                    cell = run_cell(name, seed, setting, base, in_time)
                    write_cell(cell, path)
                except _OutOfTimeError:
                    cell = None
            if cell is None:
                left_out.append((name, seed))
            else:
                cells.append(cell)
    return Results.of(setting, cells, left_out)
