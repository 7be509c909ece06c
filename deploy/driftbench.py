"""The drift bench with the prepared encoder, and its figures as tables."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import cast, get_args

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ..continual.drift.bench.data import Texts, read_texts, scenes
from ..continual.drift.bench.peers import peers
from ..continual.drift.bench.picture import draw
from ..continual.drift.bench.run import CHANGES, Result, bench
from ..continual.drift.bench.streams import SHARES
from ..continual.drift.bench.tuning import Half, domains, grid, tune
from ..continual.drift.monitor import DriftOptions
from ..inference.local import LocalEmbedder
from ..schemas.errors import ConfigurationError
from . import wiring
from .prepare import prepare
from .settings import Settings

__all__ = ["details", "draw", "half", "run", "table", "texts", "tuned"]

_TITLES = {"mix": "another mix, slowly", "labels": "a fifth of the labels wrong", "encoder": "encoder exchanged"}


async def texts(
    settings: Settings, folder: Path, say: Callable[[str], None], report: Callable[[int, int], None]
) -> Texts:
    """CLINC150, embedded by the encoder that is prepared here.

    Raises:
        ConfigurationError: The data is not there.
        SetupError: The encoder cannot be prepared.
    """
    prepared = prepare(settings, say)
    embedder = LocalEmbedder(prepared.encoder.path)
    try:
        return await read_texts(folder, embedder, wiring.home(settings) / "drift-bench", report)
    finally:
        await embedder.close()


def half(name: str) -> Half:
    """The half of that name.

    Raises:
        ConfigurationError: There is none.
    """
    for known in get_args(Half):
        if name == known:
            return cast("Half", known)
    raise ConfigurationError(f"--domains knows no {name}: it has {', '.join(get_args(Half))}")


def run(
    found: Texts, half: Half, repeats: int, seed: int, report: Callable[[int, int], None], *, with_peers: bool
) -> Result:
    """Every change on every domain of a half."""
    others, names = dict(peers()) if with_peers else {}, domains(found, half)
    return bench(scenes(found, names, seed), names, DriftOptions(), others, repeats=repeats, seed=seed, progress=report)


def tuned(found: Texts, repeats: int, seed: int, report: Callable[[int, int], None]) -> Table:
    """How the options were chosen, the best first: on domains that the bench leaves out without being asked."""
    options, done = list(grid(DriftOptions())), itertools.count(1)
    tried = tune(found, options, repeats=repeats, seed=seed, progress=lambda: report(next(done), len(options)))
    names = ", ".join(domains(found, "tuned"))
    table = Table("window", "step", "level", title=f"power on {names}, by share of texts of a new domain")
    for column in (*(f"{share} %" for share in SHARES), "false /check"):
        table.add_column(column, justify="right")
    for one in tried:
        figures = one.result.as_dict()
        powers = [f"{figures['power'][str(share)]:.0%}" for share in SHARES]
        chosen, false = one.options, f"{figures['false_alarms_per_check']:.2%}"
        table.add_row(f"{chosen.window}", f"{chosen.step}", f"{chosen.level}", *powers, false)
    return table


def table(result: Result) -> Table:
    """Ours beside the others, narrow enough for a terminal of 80 columns."""
    figures = result.as_dict()
    title = f"alarms within 1,000 texts of a new domain ({', '.join(result.domains)})\nby its share of texts"
    found = Table("detector", title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in (*(f"{share} %" for share in SHARES), "false\n/10k", "false\n/check", "µs\n/text", "ms\n/check"):
        found.add_column(column, justify="right", no_wrap=True)
    absent = []
    for name, one in {"this monitor": figures, **figures["peers"]}.items():
        if "absent" in one:
            absent.append(f"{name} {one['absent']}")
            continue
        powers = ["-" if one["power"][str(share)] is None else f"{one['power'][str(share)]:.0%}" for share in SHARES]
        found.add_row(
            name,
            *powers,
            f"{one['false_alarms_per_10k']:.2f}",
            f"{one['false_alarms_per_check']:.2%}",
            f"{one['microseconds_per_event']:.1f}",
            f"{one['milliseconds_per_check']:.3g}",
        )
    found.caption = Text("\n".join(absent), style="dim")
    return found


def details(result: Result) -> Table:
    """Delays and kinds of every change."""
    figures = result.as_dict()
    title = f"this monitor, {figures['streams']} streams, {figures['quiet_checks']} quiet checks"
    found = Table("change", title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("noticed", "median delay", "said to be"):
        found.add_column(column, justify="right")
    for change in CHANGES:
        power, delay = result.ours.power(change), result.ours.median_delay(change)
        kinds = ", ".join(f"{kind} {count}" for kind, count in figures["kinds"][change].items())
        found.add_row(
            f"{change} % of a new domain" if change.isdigit() else _TITLES[change],
            "-" if power is None else f"{power:.0%}",
            "-" if delay is None else f"{delay:.0f} {'labels' if change == 'labels' else 'texts'}",
            kinds,
        )
    found.caption = f"ADWIN alone: {figures['adwin_false_alarms_per_10k']:.2f} false alarms per 10,000 texts"
    return found
