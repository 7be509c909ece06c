"""Power by texts since the change, and beside the others."""

from pathlib import Path
from typing import Any

from .run import Result
from .streams import SHARES, WITHIN

_COLOURS = {2: "#9ecae1", 5: "#4292c6", 10: "#2171b5", 20: "#08306b"}


def draw(result: Result, path: Path) -> None:
    """Write a picture (PNG or SVG, by the name of the file)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(11, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    _curves(left, result)
    _peers(right, result)
    figure.savefig(path, dpi=120)


def _curves(axes: Any, result: Result) -> None:
    for share in SHARES:
        ats = list(range(0, WITHIN + 1, 25))
        powers = [result.ours.power(str(share), within) or 0.0 for within in ats]
        axes.plot(ats, powers, color=_COLOURS[share], lw=2.2, label=f"{share} %")
    axes.axhline(0.9, color="grey", lw=0.8, ls=":")
    axes.set(xlabel="texts since the change", ylabel="share of streams with an alarm", xlim=(0, WITHIN), ylim=(0, 1.03))
    figures = result.as_dict()
    axes.set_title(f"This monitor: {figures['false_alarms_per_check']:.2%} false alarms a check", fontsize=11)
    axes.figure.legend(  # below both charts: curves of good detectors leave no room within
        title="share of texts of a new domain", loc="outside lower left", ncols=len(SHARES), frameon=False, fontsize=9
    )
    _bare(axes)


def _peers(axes: Any, result: Result) -> None:
    figures = result.as_dict()
    rows = {"this monitor": figures} | {name: p for name, p in figures["peers"].items() if "absent" not in p}
    for at, (name, found) in enumerate(reversed(rows.items())):
        colour = "#2171b5" if name == "this monitor" else "#b0b0b0"
        axes.barh(at + 0.2, found["power"]["5"] or 0, height=0.38, color=colour)
        axes.barh(at - 0.2, found["power"]["10"] or 0, height=0.38, color=colour, alpha=0.55)
        axes.text(1.02, at, f"{found['false_alarms_per_10k']:.1f}", va="center", fontsize=9)
    axes.set_yticks(range(len(rows)), list(reversed(rows)))
    axes.set(xlim=(0, 1), xlabel=f"power within {WITHIN:,} texts: upper bar 5 % new, lower bar 10 %")
    axes.set_title("false alarms per 10,000 texts", fontsize=9, loc="right")
    _bare(axes)


def _bare(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
