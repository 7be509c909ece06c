"""Real servers for all tests: started when the first test asks for one, once for the whole run."""

import asyncio
import logging
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

# Its plugin imports this when a run ends. Pytest parses what plugins import, in which CPython before 3.11.8 fails now
# and then beside other threads (its issue 106905): here there are none yet.
import schemathesis.reporting.html.writer  # noqa: F401
import structlog
from hypothesis import settings

from profilestream.deploy.local import kafka as apache
from profilestream.deploy.local import tansu, valkey
from profilestream.deploy.local.home import private_folder
from profilestream.deploy.local.process import Server, start_on_free_ports
from profilestream.deploy.settings import Settings
from tests.stream.store.cluster import SmallCluster

# What commands print is looked at by its words: no line is to be broken.
os.environ["COLUMNS"] = "200"

# Speed is no matter of tests: these machines are noisy.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--require kafka`: where the tests on Apache Kafka would be skipped, they fail and say why."""
    parser.addoption("--require", action="append", default=[], choices=["kafka"], help="servers that must be there")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command that a test runs in this process sets logging up for itself, not for the tests after it."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture(scope="session")
def data_home() -> Path:
    """The user's own data home, so that what is fetched and prepared there is so once, for tests and for use."""
    return private_folder(Settings.load().home)


@pytest.fixture(scope="session")
def kafka_home(pytestconfig: pytest.Config) -> Path:
    """An unpacked Apache Kafka: `PROFILESTREAM_KAFKA_HOME`, or the one beside the checkout."""
    found = Settings.load().kafka_home or Path(__file__).parents[2] / "shared" / "kafka"
    reason = apache.supported(found)
    if reason and "kafka" in pytestconfig.getoption("--require"):
        pytest.fail(reason)
    skip_if(reason)
    return found


@pytest.fixture(scope="session")
def embedded_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of the broker from the wheel."""
    skip_if(tansu.supported())
    with running(tansu.tansu, tmp_path_factory.mktemp("tansu")) as address:
        yield address


@pytest.fixture
def fresh_kafka(tmp_path: Path) -> Iterator[str]:
    """Bootstrap servers of a broker that no other test uses: for what works on the topics by their real names."""
    skip_if(tansu.supported())
    with running(tansu.tansu, tmp_path) as address:
        yield address


@pytest.fixture(scope="session")
def apache_kafka(kafka_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of Apache Kafka, for what only it can."""
    folder = tmp_path_factory.mktemp("kafka")
    with running(lambda: apache.kafka(kafka_home, folder), folder) as address:
        yield address


@pytest.fixture(
    scope="session",
    params=[pytest.param("embedded_kafka", id="tansu"), pytest.param("apache_kafka", id="apache-kafka")],
)
def kafka(request: pytest.FixtureRequest) -> str:
    """Bootstrap servers of a real broker; each test that asks for it runs on the embedded one and on Apache Kafka."""
    address: str = request.getfixturevalue(request.param)
    return address


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real Valkey or Redis, with whatever earlier tests left in it."""
    skip_if(valkey.supported())
    folder = tmp_path_factory.mktemp("valkey")
    with running(lambda: valkey.valkey(folder), folder) as address:
        yield address


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """URL of a real Valkey or Redis that is empty."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCluster]:
    """A real cluster of three nodes, with whatever earlier tests left in it."""
    skip_if(valkey.supported())
    nodes = SmallCluster(tmp_path_factory.mktemp("cluster"))
    try:
        asyncio.run(nodes.start())
        yield nodes
    finally:
        asyncio.run(nodes.stop())


@pytest.fixture
def cluster(redis_cluster: SmallCluster) -> SmallCluster:
    """A real cluster of three nodes that is empty."""
    redis_cluster.empty()
    return redis_cluster


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Makes a name that no other test uses: for topics, consumer groups and users on shared servers."""
    return lambda name: f"{name}-{uuid.uuid4().hex[:12]}"


@contextmanager
def running(plan: Callable[[], Server], folder: Path) -> Iterator[str]:
    """A server's address, for as long as the block runs."""
    process = asyncio.run(start_on_free_ports(plan, folder))
    try:
        yield process.address
    finally:
        asyncio.run(process.stop())


def skip_if(reason: str | None) -> None:
    """Skip the test where there is a reason."""
    if reason:
        pytest.skip(reason)
