"""The promise on real servers: it holds, and a worker with a defect is found out."""

from pathlib import Path

import pytest

from profilestream.deploy.faults.kinds import Kind
from profilestream.deploy.faults.run import Options, run_faults
from profilestream.deploy.local import kafka as apache
from profilestream.deploy.local import tansu, triton, valkey
from profilestream.deploy.prepare import prepare
from profilestream.deploy.settings import Settings
from tests.conftest import skip_if

DEFECTS = {
    "acknowledges early": Kind.WORKER_KILLED_STORING,
    "skips the offset check": Kind.WORKER_KILLED_PUBLISHING,
    "commits before the update is acknowledged": Kind.WORKER_KILLED_PUBLISHING,
}
"""Each with the fault that is made to find it."""


@pytest.fixture
def settings(data_home: Path) -> Settings:
    """With a prepared encoder."""
    for part in (tansu, valkey, triton):
        skip_if(part.supported())
    settings = Settings(home=data_home)
    prepare(settings)
    return settings


@pytest.fixture
def broker() -> Path | None:
    """Apache Kafka where there is one: it fences zombies and keeps its data; otherwise the embedded broker."""
    found = Settings.load().kafka_home or Path(__file__).parents[4] / "shared" / "kafka"
    return None if apache.supported(found) else found


@pytest.mark.timeout(600)  # a machine that does other things as well takes its time to start everything
async def test_nothing_is_lost_and_nothing_doubled(settings: Settings, broker: Path | None) -> None:
    """A killed worker, a zombie, a Triton that dies, poison, and then a Redis that forgot everything."""
    kinds = (Kind.WORKER_KILLED_PUBLISHING, Kind.ZOMBIE, Kind.TRITON_KILLED, Kind.POISON, Kind.REDIS_EMPTY)
    report = await run_faults(settings, Options(seed=1, faults=8, kafka_home=broker, kinds=kinds, size=4))
    assert report.problems == []
    assert report.sound
    assert set(report.faults) == set(kinds)
    told = report.as_dict()
    assert (told["faults"], told["lost"], told["doubled"], told["regressions"]) == (8, 0, 0, 0)
    assert told["events"] > 100
    assert told["updates_checked"] > 0


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("mutant", "kind"), DEFECTS.items())
async def test_a_defect_is_found(settings: Settings, broker: Path | None, mutant: str, kind: Kind) -> None:
    """Faults that do not find a bug which was put in on purpose prove nothing."""
    report = await run_faults(settings, Options(seed=5, faults=36, kafka_home=broker, kinds=(kind,), mutant=mutant))
    assert not report.sound
    assert report.last.lost or report.last.doubled or report.last.stale


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("embedded", [False, True])
async def test_a_hundred_faults(settings: Settings, broker: Path | None, embedded: bool) -> None:
    """Of all kinds, on either broker."""
    report = await run_faults(settings, Options(seed=2, faults=100, kafka_home=None if embedded else broker))
    assert report.problems == []
    assert report.faults.total() == 100
