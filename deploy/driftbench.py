"""The drift bench with the prepared encoder, and its figures as tables."""

from collections.abc import Callable
from pathlib import Path

from rich.table import Table

from ..continual.drift.bench.data import Texts, read_texts, scenes
from ..continual.drift.bench.peers import peers
from ..continual.drift.bench.picture import draw
from ..continual.drift.bench.run import CHANGES, Result, bench
from ..continual.drift.bench.streams import SHARES
from ..continual.drift.monitor import DriftOptions
from ..inference.local import LocalEmbedder
from . import wiring
from .prepare import prepare
from .settings import Settings

__all__ = ["details", "draw", "run", "table", "texts"]

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


def run(found: Texts, repeats: int, seed: int, report: Callable[[int, int], None], *, with_peers: bool) -> Result:
    """Every change on every domain."""
    others = dict(peers()) if with_peers else {}
    count = len(set(found.domains.tolist()))
    return bench(scenes(found, seed), count, DriftOptions(), others, repeats=repeats, seed=seed, progress=report)


def table(result: Result) -> Table:
    """Ours beside the others."""
    figures = result.as_dict()
    found = Table("detector", title="alarms within 1,000 texts of the change, by share of texts of a new domain")
    for column in (*(f"{share} %" for share in SHARES), "false /10k texts", "false /check", "µs/text", "ms/check"):
        found.add_column(column, justify="right")
    for name, one in {"this monitor": figures, **figures["peers"]}.items():
        if "absent" in one:
            found.add_row(name, *["-"] * 7, one["absent"])
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
    return found


def details(result: Result) -> Table:
    """Delays and kinds of every change."""
    figures = result.as_dict()
    found = Table("change", title=f"this monitor, {figures['streams']} streams, {figures['quiet_checks']} quiet checks")
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
