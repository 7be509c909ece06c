"""The gate's figures as one picture."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_CHAMPION, _CANDIDATE, _REFUSED = "#8c96a3", "#2f6f9f", "#c0392b"


def draw(gate: Mapping[str, Any], maps: Mapping[str, Mapping[str, float]]) -> bytes:
    """A PNG: champion and candidate side by side, gains by slice, and what migration keeps.

    Args:
        gate: As `GateReport.as_dict` gives it.
        maps: Figures of the maps, by `source to target`.
    """
    found = {finding["check"]: finding["figures"] for finding in gate["findings"]}
    figure = Figure(figsize=(12, 4))
    left, middle, right = figure.subplots(1, 3, gridspec_kw={"wspace": 0.3})
    figure.subplots_adjust(left=0.06, right=0.98, bottom=0.14, top=0.82)
    _sides(left, gate, found)
    _gains(middle, found)
    _kept(right, found, maps)
    verdict = "passed" if gate["passed"] else "refused"
    figure.suptitle(f"{gate['candidate']} beside {gate['champion']}: {verdict}", fontweight="bold")
    target = BytesIO()
    figure.savefig(target, format="png", dpi=110)
    return target.getvalue()


def _sides(axes: Axes, gate: Mapping[str, Any], found: Mapping[str, Mapping[str, float]]) -> None:
    pairs = {"accuracy": "worth it", "profile\nretrieval": "profile retrieval", "calibration\nerror": "calibration"}
    pairs = {name: check for name, check in pairs.items() if check in found}
    for offset, side, colour in ((-0.2, "champion", _CHAMPION), (0.2, "candidate", _CANDIDATE)):
        values = [found[check][side] for check in pairs.values()]
        bars = axes.bar([n + offset for n in range(len(pairs))], values, 0.38, color=colour, label=gate[side])
        axes.bar_label(bars, fmt="%.3f", fontsize=8)
    _finish(axes, "held-out feedback", list(pairs), "share")
    if pairs:
        axes.legend(loc="upper right", fontsize=8)
        axes.set_ylim(0, 1.25)


def _gains(axes: Axes, found: Mapping[str, Mapping[str, float]]) -> None:
    slices = [name for name in ("old labels", "new labels") if "gain" in found.get(name, {})]
    gains = [100 * found[name]["gain"] for name in slices]
    bars = axes.bar(range(len(slices)), gains, 0.5, color=[_CANDIDATE if gain >= 0 else _REFUSED for gain in gains])
    axes.bar_label(bars, fmt="%+.1f", fontsize=8)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.margins(y=0.2)
    texts = [f"{name}\n({found[name]['texts']:.0f} texts)" for name in slices]
    _finish(axes, "accuracy gained by the fine-tune", texts, "points")


def _kept(axes: Axes, found: Mapping[str, Mapping[str, float]], maps: Mapping[str, Mapping[str, float]]) -> None:
    values: dict[str, float] = {}
    for check, names in (("migration", {"several": "several\ninterests", "one": "one\nvector"}),):
        values |= {label: found[check][name] for name, label in names.items() if name in found.get(check, {})}
    forth = next(iter(maps.values()), None)
    if forth:
        values |= {"cosine,\nunmapped": forth["cosine_unmapped"], "cosine,\nmapped": forth["cosine"]}
    colours = [_CHAMPION if "unmapped" in name else _CANDIDATE for name in values]
    bars = axes.bar(range(len(values)), list(values.values()), 0.6, color=colours)
    axes.bar_label(bars, fmt="%.3f", fontsize=8)
    _finish(axes, "what migration keeps of re-embedding", list(values), "share")
    if values:
        axes.set_ylim(min(0.8, *values.values()) - 0.05, 1.05)


def _finish(axes: Axes, title: str, names: Sequence[str], unit: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_ylabel(unit, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
