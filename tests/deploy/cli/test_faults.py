"""`profilestream faults`: what it prints, writes and refuses; the run itself is tested in tests/deploy/faults."""

from collections import Counter
from pathlib import Path

import orjson
import pytest
import typer
from typer.testing import CliRunner

from profilestream.deploy.cli import faults
from profilestream.deploy.faults.judge import Findings
from profilestream.deploy.faults.kinds import Kind
from profilestream.deploy.faults.run import Options, Report
from profilestream.deploy.settings import Settings
from profilestream.schemas.errors import ConfigurationError

APP = typer.Typer()
APP.command()(faults.command)


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Report:
    """What the run will say."""
    report = Report(seed=5, broker="Apache Kafka", fenced=True, logs=tmp_path / "logs")
    report.faults, report.rounds, report.events = Counter({Kind.ZOMBIE: 2, Kind.POISON: 1}), 1, 1234
    report.logs.mkdir()

    async def run(_settings: Settings, options: Options, progress, say) -> Report:
        progress(report, "worker: killed")
        return report

    monkeypatch.setattr(faults, "run_faults", run)
    monkeypatch.setattr(faults, "prepare", lambda *_: None)
    return report


def test_figures_for_people_and_for_programs(reported: Report, tmp_path: Path) -> None:
    """Exit status 0, a table, and JSON with the names that are promised; logs of a sound run are not kept."""
    result = CliRunner().invoke(APP, ["--seed", "5", "--json", str(tmp_path / "faults.json")], obj=Settings())
    assert result.exit_code == 0, result.output
    assert "sound: 1,234 events, lost 0, doubled 0" in result.stdout
    told = orjson.loads((tmp_path / "faults.json").read_bytes())
    assert told["faults_by_kind"] == {Kind.ZOMBIE.value: 2, Kind.POISON.value: 1}
    assert (told["faults"], told["events"], told["lost"], told["doubled"], told["seed"]) == (3, 1234, 0, 0, 5)
    assert {"broker", "updates_checked", "regressions"} <= told.keys()
    assert not reported.logs.exists()


def test_a_failure_is_told_with_what_happened(reported: Report) -> None:
    """Exit status 1, the faults of the round, whose profile is wrong, and where the logs are."""
    reported.last = Findings(lost=3)
    reported.story = ["   1.0 s  worker: killed"]
    reported.problems = ["events lost: 3", "rare-7: 1 events, and the log has 4"]
    result = CliRunner().invoke(APP, [], obj=Settings())
    assert result.exit_code == 1
    assert "NOT SOUND: 1,234 events, lost 3" in result.stdout
    for told in (*reported.story, *reported.problems, str(reported.logs)):
        assert told in result.stdout.replace("\n", "")
    assert reported.logs.exists()


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["--broker", "kafka"], "PROFILESTREAM_KAFKA_HOME"),
        (["--only", "lightning"], "no fault has that in its name"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], advice: str) -> None:
    """Before anything is started, with what to do."""
    result = CliRunner().invoke(APP, arguments, obj=Settings())
    assert isinstance(result.exception, ConfigurationError)
    assert advice in str(result.exception)
