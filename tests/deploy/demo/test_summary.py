"""The demo's last word: figures, verdict, exit status."""

import io
import json

import pytest
import typer
from rich.console import Console

from profilestream.deploy.cli.demo import conclude
from profilestream.deploy.demo.quality import Quality
from profilestream.deploy.demo.summary import MemorySample, Summary
from profilestream.schemas.errors import SetupError


def summary(**changes):
    """A sound run, with some figures changed."""
    figures = {
        "events_sent": 20_000,
        "events_applied": 19_990,
        "events_skipped": 7,
        "dead_letters": 3,
        "backward": 0,
        "profiles": 79,
        "updates_seen": 916,
        "seconds": 20.0,
        "latency_p50": 812.34,
        "latency_p99": 1801.0,
        "bytes_per_profile": 3705.0,
        "largest_profile": 4319,
        "worker_memory": 160 * 2**20,
        "memory_over_time": (MemorySample(10, 100), MemorySample(20, 110)),
        "quality": Quality(users=62, top5=0.66, popularity_top5=0.146, chance=0.183),
        "sentiment": 0.77,
        "servers": {"kafka": "127.0.0.1:38313", "encoder": "in-process twin (no [/wheel] for it)"},
    }
    return Summary(**(figures | changes))


def test_json(tmp_path):
    """The file has the figures that are promised, under their names."""
    file = tmp_path / "figures.json"
    summary().write(file)
    figures = json.loads(file.read_bytes())
    assert figures["lost"] == 0
    assert figures["events_per_second"] == 1000
    assert figures["latency_ms"] == {"p50": 812.3, "p99": 1801.0}
    assert figures["interests"] == {"users": 62, "top5": 0.66, "popularity_top5": 0.146, "chance_top5": 0.183}
    assert figures["worker_memory_bytes_over_time"] == [{"events": 10, "bytes": 100}, {"events": 20, "bytes": 110}]
    for name in ("events_sent", "events_applied", "events_skipped", "dead_letters", "profiles", "updates_seen"):
        assert figures[name] == getattr(summary(), name)


def test_file_that_cannot_be_written(tmp_path):
    """A wrong path is told in one line."""
    with pytest.raises(SetupError, match="cannot write"):
        summary().write(tmp_path / "missing" / "figures.json")


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"events_applied": 19_980}, "10 events are unaccounted for"),
        ({"events_applied": 19_992}, "2 events were counted twice"),
        ({"backward": 4}, "4 updates went back"),
    ],
)
def test_unsound_run_has_exit_status_1(changes, verdict, capsys, tmp_path):
    """Lost or doubled events and updates that go back are named, and the command fails; figures are written."""
    unsound = summary(**changes)
    assert unsound.verdict == verdict
    with pytest.raises(typer.Exit) as ended:
        conclude(unsound, tmp_path / "figures.json")
    assert ended.value.exit_code == 1
    assert (tmp_path / "figures.json").exists()
    assert verdict in capsys.readouterr().err


def test_sound_run_ends_well(capsys):
    """Nothing lost, nothing doubled: no complaint, and the panel is on standard output."""
    conclude(summary(), None)
    said = capsys.readouterr()
    assert "19,990" in said.out
    assert not said.err


@pytest.mark.parametrize("width", [80, 100, 120])
def test_panel_does_not_break_figures(width):
    """At usual widths every figure stands on one line with its name."""
    console = Console(width=width, file=io.StringIO())
    console.print(summary().panel())
    text = console.file.getvalue()
    for name, figure in (("sent", "20,000"), ("latency", "p50 812 ms, p99 1,801 ms"), ("top 5", "66.0% of 62 users")):
        assert any(name in line and figure in line for line in text.splitlines())
    assert "[/wheel]" in text
