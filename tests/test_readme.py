"""The README is for users: whatever they can run, set or meet is in it."""

import typing
from pathlib import Path

import pytest
from typer.main import get_command

from profilestream.deploy.cli.app import app
from profilestream.deploy.settings import describe
from profilestream.deploy.topics import TOPICS
from profilestream.schemas.errors import Reason
from profilestream.stream.metrics.catalogue import CATALOGUE, Metric
from tests.deploy.monitoring import documented

README = (Path(__file__).parent.parent / "README.md").read_text()


def commands() -> list[str]:
    """Every command, subcommands with their parent."""
    found = []
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        subcommands = getattr(command, "commands", {})
        found += [f"{name} {subcommand}" for subcommand in subcommands] or [name]
    return found


@pytest.mark.parametrize("command", commands())
def test_every_command_is_described(command: str) -> None:
    """A command that nobody hears of is not used."""
    assert f"| `{command}`" in README


@pytest.mark.parametrize("setting", describe(), ids=lambda setting: setting.name)
def test_every_setting_is_described_as_it_is(setting) -> None:
    """Name, default and meaning in the table are those of the program."""
    assert f"| `{setting.env}` | {setting.default or '-'} | {setting.description} |" in README


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_topic_is_described(topic) -> None:
    """Who produces or consumes must know what a topic is for."""
    assert f"| `{topic.name}`" in README


@pytest.mark.parametrize("reason", typing.get_args(Reason))
def test_every_reason_for_a_dead_letter_is_described(reason: str) -> None:
    """Whoever finds a dead letter can look up what was wrong."""
    assert f"`{reason}`" in README


@pytest.mark.parametrize("name", documented())
def test_every_metric_is_described(name: str) -> None:
    """Whoever builds a dashboard or an alert can look up what a metric means."""
    assert f"| `{name}` |" in README


@pytest.mark.parametrize("metric", CATALOGUE.values(), ids=lambda metric: metric.name)
def test_a_metric_is_described_as_it_is(metric: Metric) -> None:
    """Kind, labels and meaning in the table are those of the program."""
    assert f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels) or '-'} | {metric.meaning} |" in README
