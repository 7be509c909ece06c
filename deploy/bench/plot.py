"""The figures as one picture."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...schemas.errors import SetupError

_OURS, _THEIRS, _GREY = "#1f6feb", "#c9d1d9", "#57606a"


def draw(found: dict[str, Any], path: Path) -> None:
    """A panel for each section that found something, into a PNG file.

    Raises:
        SetupError: It cannot be written.
    """
    panels: dict[str, Callable[[Axes, dict[str, Any]], None]] = {
        "distinct": _pipeline,
        "peers": _peers,
        "latency": _latency,
        "users": _users,
        "memory": _memory,
        "workers": _workers,
    }
    shown = [panel for name, panel in panels.items() if found.get(name)]
    rows = max(1, (len(shown) + 1) // 2)
    figure = Figure(figsize=(13, 1.2 + 3.8 * rows), layout="constrained")
    for position, panel in enumerate(shown, start=1):
        axes = figure.add_subplot(rows, 2, position)
        panel(axes, found)
        axes.spines[["top", "right"]].set_visible(False)
    machine = found["machine"]
    figure.suptitle(
        f"profilestream bench: {machine['model'] or machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB, {machine['broker']}, Python {machine['python']}",
        fontsize=12,
    )
    try:
        figure.savefig(path, dpi=110)
    except OSError as error:
        raise SetupError(f"cannot write {path}: {error.strerror}") from error


def _bars(axes: Axes, names: list[str], values: list[float], colours: list[str], form: str) -> None:
    bars = axes.barh(names[::-1], values[::-1], color=colours[::-1])
    axes.bar_label(bars, labels=[form.format(value) for value in values[::-1]], padding=3)
    axes.margins(x=0.15)


def _pipeline(axes: Axes, found: dict[str, Any]) -> None:
    names = ["model alone", "pipeline, distinct texts", "pipeline, 50 words"]
    values = [1.0, found["distinct"]["ratio"], found["texts_50"]["ratio"]]
    colours = [_GREY, _OURS, _OURS]
    if alone := found.get("triton_alone"):
        names.insert(1, "Triton alone")
        values.insert(1, alone["ratio"])
        colours.insert(1, _GREY)
    _bars(axes, names, values, colours, "{:.2f}")
    axes.set_title(
        f"to the ceiling of {found['ceiling_texts_per_second']:,.0f} texts/s "
        f"(known texts {found['known_texts']['events_per_second']:,.0f}, "
        f"no text {found['without_text']['events_per_second']:,.0f} events/s)",
        fontsize=10,
    )


def _peers(axes: Axes, found: dict[str, Any]) -> None:
    done = [one for one in found["peers"].values() if "ratio" in one]
    names = [one["title"] for one in done]
    places = range(len(done))
    kinds = (("distinct texts", done, _OURS, 0.2), ("without text", [one["without_text"] for one in done], _GREY, -0.2))
    for label, ones, colour, shift in kinds:
        bars = axes.barh(
            [place + shift for place in places], [one["ratio"] for one in ones], 0.38, color=colour, label=label
        )
        axes.bar_label(bars, labels=[f"{one['ratio']:.1f}" for one in ones], padding=3)
    axes.axvline(1.0, color="#d1242f", linewidth=1)
    axes.set_yticks(list(places), names)
    axes.set_xscale("log")
    axes.margins(x=0.2)
    axes.legend(frameon=False, loc="lower right")
    axes.set_title("times as fast as a peer at the same work (log)", fontsize=10)


def _latency(axes: Axes, found: dict[str, Any]) -> None:
    shares = [share for share, one in found["latency"].items() if isinstance(one, dict)]
    for name, colour in (("p50", _THEIRS), ("p95", _GREY), ("p99", _OURS)):
        values = [found["latency"][share][name] for share in shares]
        axes.plot([int(share) for share in shares], values, marker="o", color=colour, label=name)
        axes.annotate(f"{values[-1]:.0f}", (int(shares[-1]), values[-1]), textcoords="offset points", xytext=(6, 0))
    axes.axhline(100, color="#d1242f", linewidth=1, linestyle=":")
    axes.set_ylim(bottom=0)
    axes.set_xlabel(f"% of the capacity ({found['latency']['capacity_events_per_second']:,.0f} events/s)")
    axes.set_ylabel("ms")
    axes.legend(frameon=False)
    axes.set_title("produce to update seen, open loop", fontsize=10)


def _users(axes: Axes, found: dict[str, Any]) -> None:
    users = [one["users"] for one in found["users"]]
    axes.plot(users, [one["cpu_us_per_event"]["worker"] for one in found["users"]], marker="o", color=_OURS)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("users, each in turn")
    axes.set_ylabel("worker, µs of a core an event")
    sizes = ", ".join(f"{one['profile_bytes']['median']:,.0f}" for one in found["users"])
    axes.set_title(f"an event without a text; bytes of a profile {sizes}", fontsize=9)


def _memory(axes: Axes, found: dict[str, Any]) -> None:
    curve = found["memory"]["curve"]
    axes.plot(curve["events"], [size / 2**20 for size in curve["resident_bytes"]], color=_OURS)
    axes.axhline(250, color="#d1242f", linewidth=1, linestyle=":")
    axes.set_ylim(0, 1.15 * max(250, found["memory"]["highest_bytes"] / 2**20))
    axes.set_xlabel("events")
    axes.set_ylabel("MiB")
    slope = found["memory"]["slope_mib_per_million_events"]
    axes.set_title(f"memory of a worker; slope {slope:+.1f} MiB a million events", fontsize=10)


def _workers(axes: Axes, found: dict[str, Any]) -> None:
    names = {"distinct": "distinct texts", "without_text": "without text"}
    ratios = [found["workers"][name]["ratio"] for name in names]
    _bars(axes, list(names.values()), ratios, [_OURS, _OURS], "{:.2f}")
    axes.set_title(f"two workers to one, on {found['machine']['cores']} cores", fontsize=10)
