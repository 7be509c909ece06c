"""`profilestream models` as a user sees it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from profilestream.deploy.cli.app import app
from profilestream.deploy.settings import PREFIX
from tests.continual.publish.world import BASE, World, bundle


@pytest.fixture
def home(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data home of our own, with the in-process encoder, an empty Redis and no broker."""
    monkeypatch.setenv(PREFIX + "HOME", str(tmp_path))
    monkeypatch.setenv(PREFIX + "REDIS_URL", redis_url)
    monkeypatch.setenv(PREFIX + "KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("COLUMNS", "200")
    tmp_path.chmod(0o700)
    return tmp_path


def run(*arguments: str) -> str:
    """Everything that a command says."""
    done = CliRunner().invoke(app, ["models", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_before_anything_was_published(home: Path) -> None:
    """The encoder of the settings answers."""
    assert "nothing was published yet: encoder-v1 answers" in run("list")


def test_look_promote_and_go_back(home: Path) -> None:
    """The list says who answers and why another does not; promote and rollback change it, without a broker."""
    import asyncio

    async def publish() -> None:
        world = await World(home).prepare()
        publisher = world.publisher()
        await world.staged(publisher)
        await publisher.write(world.source(3))
        await publisher.equip("encoder-v3", bundle("encoder-v3"))
        await publisher.refuse("encoder-v3", "gate: forgets [billing]")

    asyncio.run(publish())
    run("resume")
    assert "answers now" in run("promote", "encoder-v2")
    listed = run("list")
    lines = {line.split("│")[1].strip(): line for line in listed.splitlines() if "encoder-v" in line and "│" in line}
    assert "champion" in lines["encoder-v2"]
    assert "parity 1.0000" in lines["encoder-v2"]
    assert "previous" in lines[BASE]
    assert "gate: forgets [billing]" in lines["encoder-v3"]
    shown = run("show", "encoder-v2")
    assert "interest (3 labels)" in shown
    assert shown.index("written") < shown.index("shadow") < shown.index("champion")
    assert f"{BASE} answers again" in run("rollback", "--reason", "too slow")
    assert "too slow" in run("list")
