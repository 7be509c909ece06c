"""`profilestream soak`."""

from pathlib import Path

import orjson
import pytest
import typer
from typer.testing import CliRunner

from profilestream.deploy.cli import soak
from profilestream.stream.simulation.faults import Fault
from profilestream.stream.simulation.mutants import MUTANTS
from profilestream.stream.simulation.run import soak as play

APP = typer.Typer()
APP.command()(soak.command)


def test_it_prints_and_writes_what_happened(tmp_path: Path) -> None:
    """Figures for people and for programs; exit status 0 where nothing was lost or doubled."""
    result = CliRunner().invoke(APP, ["--faults", "60", "--seed", "11", "--json", str(tmp_path / "soak.json")])
    assert result.exit_code == 0
    assert "sound" in result.stdout
    assert "lost 0, doubled 0; seed 11" in result.stdout
    told = orjson.loads((tmp_path / "soak.json").read_bytes())
    assert told["faults"] == sum(told["faults_by_kind"].values()) >= 60
    assert set(told["faults_by_kind"]) == {fault.value for fault in Fault}
    assert (told["lost"], told["doubled"], told["seed"]) == (0, 0, 11)
    assert told["events"] > 100


def test_a_failure_is_told_with_its_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status 1, the shortest history found, and how to play it again."""
    mutant = MUTANTS["skips the id check"]
    monkeypatch.setattr(soak, "soak", lambda seed, faults, progress: play(seed, faults, mutant, progress))
    result = CliRunner().invoke(APP, ["--faults", "2000", "--seed", "0"])
    assert result.exit_code == 1
    assert "NOT SOUND" in result.stdout
    assert "doubled:" in result.stdout
    assert "profilestream soak --seed 0 --faults 1" in result.stdout
