"""A small run on real servers: all figures are there, what is lost is told, and one failure does not end the others."""

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from profilestream.deploy.bench.peers import PEERS
from profilestream.deploy.bench.peers.environment import missing
from profilestream.deploy.bench.plot import draw
from profilestream.deploy.bench.rivals import Contest
from profilestream.deploy.bench.run import BenchOptions, _section, run_bench
from profilestream.deploy.bench.table import tables
from profilestream.deploy.bench.throughput import Sizes
from profilestream.deploy.local import tansu, valkey
from profilestream.deploy.prepare import prepare
from profilestream.deploy.settings import Settings
from profilestream.schemas.errors import ConfigurationError, SetupError
from tests.conftest import skip_if

OPTIONS = BenchOptions(
    only=("pipeline", "users", "memory", "peers"),
    rounds=1,
    sizes=Sizes(texts=60, long_texts=20, known=300, clicks=300),
    memory_events=2000,
    users=(100,),
    peers=("aiokafka",),
    contest=Contest(rounds=1, texts=60, clicks=300, seconds=0.1),
)


def printed(*what: Any) -> str:
    """What a terminal would show."""
    console = Console(file=io.StringIO(), width=160)
    for one in what:
        console.print(one)
    return console.file.getvalue()


@pytest.fixture(scope="module")
def found(data_home: Path) -> dict[str, Any]:
    """The figures of a small run."""
    skip_if(tansu.supported() or valkey.supported())
    settings = Settings.load().model_copy(update={"kafka_home": None})
    return asyncio.run(run_bench(settings, OPTIONS, prepare(settings), Console(file=io.StringIO())))


def test_no_section_failed(found: dict[str, Any]) -> None:
    """Sections find something or say why not."""
    assert found["failed"] == {}


def test_names_that_others_read_stay(found: dict[str, Any]) -> None:
    """Whoever reads the JSON finds the same keys in it as before."""
    assert {
        *("pipeline_to_ceiling", "ceiling_texts_per_second", "pipeline_events_per_second", "rounds"),
        *("worker_memory_bytes", "encoder", "machine", "texts", "words"),
    } <= found.keys()
    assert found["pipeline_to_ceiling"] == pytest.approx(found["rounds"][0]["ratio"], abs=1e-4)


def test_every_event_is_counted(found: dict[str, Any]) -> None:
    """What went through is what was sent."""
    one = found["rounds"][0]
    assert (one["distinct"]["events"], one["known_texts"]["events"], one["without_text"]["events"]) == (60, 300, 300)
    assert found["memory"]["events"] == 2000
    assert found["users"][0]["profile_bytes"]["median"] > 0


def test_a_peer_did_all_of_the_work(found: dict[str, Any]) -> None:
    """A peer's figures stand only for what its profiles, its updates and Redis agree on."""
    assert found["peers"]["aiokafka"]["verified"]
    assert found["peers"]["aiokafka"]["without_text"]["events_per_second"] > 0


def test_it_is_shown(found: dict[str, Any], tmp_path: Path) -> None:
    """Tables and picture have what was found, and only that."""
    shown = printed(*tables(found))
    assert "distinct texts of 12 words" in shown
    assert "aiokafka, batches" in shown
    assert "HTTP API" not in shown
    draw(found, tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")


async def test_one_failure_leaves_the_other_sections() -> None:
    """Ten minutes of measuring are not lost because one part failed; that it did is told."""
    figures: dict[str, Any] = {"failed": {}, "machine": {}, "kept": 1}
    console = Console(file=io.StringIO())

    async def fail() -> dict[str, Any]:
        raise SetupError("no room")

    await _section("memory", fail, figures, console)
    assert figures == {"failed": {"memory": "no room"}, "machine": {}, "kept": 1}
    assert "no room" in printed(*tables(figures))


@pytest.mark.parametrize("options", [{"only": ("pipelines",)}, {"peers": ("kafka-streams",)}])
def test_what_does_not_exist_is_refused(options: dict[str, Any]) -> None:
    """A wrong name is found before anything starts."""
    with pytest.raises(ConfigurationError, match="bench knows no"):
        BenchOptions(**options)


def test_a_peer_that_cannot_run_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flink without its connector is left out, with the reason."""
    monkeypatch.setenv("BENCH_FLINK_JAR", "/nowhere/connector.jar")
    assert missing(PEERS["flink"])
    assert missing(PEERS["faust"]) is None
