"""`profilestream drift status` and `reset`, on what workers left in Redis."""

import asyncio

import numpy as np
import pytest
from redis.asyncio import Redis
from typer.testing import CliRunner

from profilestream.continual.drift.judge import DriftJudge
from profilestream.continual.drift.rows import Notes
from profilestream.deploy.cli.app import app
from profilestream.stream.store.drift import RedisDriftStore
from tests.continual.drift.made_up import CODES, NO_ERRORS, OPTIONS, texts


async def leave(url, *parts):
    """What workers leave after these texts."""

    async def tell(report):
        pass

    client = Redis.from_url(url)
    store = RedisDriftStore(client)
    judge = DriftJudge(store, tell, options=OPTIONS)
    for rows in parts:
        for at in range(0, len(rows), 100):
            await store.report("encoder-v1", Notes(rows[at : at + 100], NO_ERRORS).to_bytes())
        while await judge.turn("encoder-v1", CODES):
            pass
    await client.aclose()


@pytest.fixture
def run(redis_url, monkeypatch):
    """Runs a command on this Redis."""
    monkeypatch.setenv("PROFILESTREAM_REDIS_URL", redis_url)
    monkeypatch.setenv("COLUMNS", "140")
    return lambda *arguments: CliRunner().invoke(app, ["drift", *arguments], catch_exceptions=False)


def test_status_shows_an_alarm_with_what_moved(run, redis_url):
    """Whoever is woken by an alarm sees its kind, its words and an example."""
    asyncio.run(leave(redis_url, texts(2500, 1), texts(800, 2, novel=0.3)))
    shown = run("status").output
    assert "encoder-v1" in shown
    assert "content" in shown
    assert "quantum" in shown
    assert np.all([title in shown for title in ("mean novelty", "share of very novel texts")])


def test_reset_makes_the_present_usual(run, redis_url):
    """After a reset there is nothing to show, and the next texts are the reference."""
    asyncio.run(leave(redis_url, texts(2500, 1)))
    assert run("reset", "encoder-v1").exit_code == 0
    assert "nothing was watched yet" in run("status").output
    asyncio.run(leave(redis_url, texts(300, 2, novel=1.0)))
    assert "300 of 2,000 texts for the reference" in run("status").output.replace("\n", " ")
