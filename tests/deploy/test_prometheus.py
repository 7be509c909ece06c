"""Alert rules and dashboards, against a real Prometheus that scrapes a real worker."""

import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from profilestream.deploy import prometheus
from profilestream.deploy.grafana.boards import BOARDS, Board
from profilestream.deploy.grafana.generate import FOLDER, SOURCE, text
from profilestream.deploy.local.ports import free_port
from profilestream.inference.cache import CachedEmbedder
from profilestream.inference.hashing import HashEmbedder
from profilestream.stream.api.metrics import ApiMetrics
from profilestream.stream.metrics.endpoint import Endpoint
from profilestream.stream.metrics.metrics import Metrics
from tests.deploy.monitoring import documented, queries, used
from tests.stream.worker.place import Place, make_place, until
from tests.stream.worker.test_health import watched
from tests.stream.worker.test_worker import events

RULES = Path(prometheus.__file__).parent

CONFIG = """
global: {{scrape_interval: 250ms}}
scrape_configs:
  - {{job_name: worker, static_configs: [{{targets: ["{worker}"]}}]}}
  - {{job_name: others, static_configs: [{{targets: ["{others}"]}}]}}
"""


def program(name: str) -> str:
    """Where a program is; without it, the test is skipped."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on the PATH: install Debian's package prometheus")
    return found


@pytest.mark.parametrize("arguments", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")])
def test_alert_rules_are_right(arguments: tuple[str, ...]) -> None:
    """Prometheus reads them, and on made-up series they wake somebody when they should, and only then."""
    done = subprocess.run([program("promtool"), *arguments], cwd=RULES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested() -> None:
    """An alert that was never seen to fire is a hope."""
    alerts = re.findall(r"alert: (\w+)", (RULES / "alerts.yml").read_text())
    tested = (RULES / "alerts_test.yml").read_text()
    assert alerts
    assert [alert for alert in alerts if not re.search(rf"alertname(: |=\"){alert}\b", tested)] == []


def test_rules_and_dashboards_ask_for_what_there_is() -> None:
    """A renamed metric leaves no panel empty and no alert silent."""
    asked = used((RULES / "alerts.yml").read_text()).union(*[used(query) for _, query in queries()])
    assert asked - set(documented()) == set()


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_dashboards_are_as_they_were_generated(board: Board) -> None:
    """After a change of boards.py: `python -m profilestream.deploy.grafana.generate`."""
    assert (FOLDER / f"{board.uid}.json").read_text() == text(board)


def test_dashboards_use_the_provisioned_data_source() -> None:
    """Grafana knows it by its uid."""
    source = (FOLDER.parent / "provisioning/datasources/profilestream.yml").read_text()
    assert f"uid: {SOURCE['uid']}\n" in source


@pytest.fixture
async def place(embedded_kafka: str, redis_url: str, unique: Callable[[str], str]) -> Place:
    """Where the worker works."""
    place = make_place(embedded_kafka, redis_url, unique)
    await place.prepare()
    return place


def other_parts() -> Metrics:
    """What drift monitor, learner and API would say: their metrics, written as they do it, with made-up values."""
    metrics, api = Metrics(), ApiMetrics()
    for statistic in ("novelty", "psi"):
        metrics.gauge("profilestream_drift_score", statistic=statistic).set(0.1)
        metrics.gauge("profilestream_drift_threshold", statistic=statistic).set(0.2)
    metrics.gauge("profilestream_drift_alarm", kind="content").set(0)
    metrics.counter("profilestream_drift_alarms_total", kind="content").inc()
    metrics.gauge("profilestream_prequential_accuracy", task="interest").set(0.9)
    metrics.gauge("profilestream_forgetting", task="interest").set(0.02)
    metrics.counter("profilestream_feedback_total", outcome="learned").inc()
    metrics.counter("profilestream_publications_total", kind="head").inc()
    metrics.gauge("profilestream_buffer_texts").set(100)
    api.request("/v1/profiles/{user}", "GET", 200, 0.002)
    metrics.registry.register(api.registry)
    return metrics


@asynccontextmanager
async def scraping(worker: str, others: str, folder: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A real Prometheus that scrapes the two; a client of its API."""
    config, port = folder / "prometheus.yml", free_port()
    config.write_text(CONFIG.format(worker=worker, others=others))
    process = subprocess.Popen(  # noqa: ASYNC220 (it does not block for long)
        [
            program("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=(folder / "prometheus.log").open("wb"),
    )
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            yield client
    finally:
        process.kill()
        process.wait()


async def asked(client: aiohttp.ClientSession, query: str) -> list[Any]:
    """What Prometheus answers; nothing while it starts."""
    try:
        async with client.get("/api/v1/query", params={"query": query}) as answer:
            body = await answer.json(content_type=None)
    except (aiohttp.ClientError, ValueError):
        return []
    assert body.get("status", "success") == "success", (query, body)
    return list(body["data"]["result"]) if "data" in body else []


async def test_every_panel_shows_something(place: Place, tmp_path: Path) -> None:
    """A worker under load is scraped; every query of every dashboard returns data, and the figures are right."""
    program("prometheus")
    others = await Endpoint.start(other_parts(), host="127.0.0.1", port=0)
    try:
        async with watched(place, embedder=CachedEmbedder(HashEmbedder(), 100)) as (worker, outside):
            targets = [address.removeprefix("http://") for address in (outside.address, others.address)]
            async with scraping(targets[0], targets[1], tmp_path) as client:
                sent, empty = 0, dict(queries())

                async def full() -> bool:
                    nonlocal sent
                    await place.send(*events(70, first=sent))
                    await place.send_raw((b"user0", b"rubbish"))
                    sent += 70
                    for where, query in list(empty.items()):
                        if await asked(client, query):
                            del empty[where]
                    return not empty

                try:
                    await until(full, worker)
                except TimeoutError:
                    pytest.fail(f"panels without data: {empty}")

                async def all_counted() -> bool:
                    (found,) = await asked(client, 'profilestream_events_total{outcome="applied"}')
                    return float(found["value"][1]) == sent

                await until(all_counted, worker)
                assert await asked(client, "up == 0") == []
                ((lag,),) = [await asked(client, "count(profilestream_lag_events)")]
                assert float(lag["value"][1]) == 4
            await worker.stop()
    finally:
        await others.close()
