"""The endpoint over HTTP: what orchestrators and Prometheus are told."""

import aiohttp
import pytest

from profilestream.schemas.errors import SetupError
from profilestream.stream.metrics.endpoint import Endpoint, Report
from profilestream.stream.metrics.metrics import Metrics


async def test_health_is_a_status_and_says_why() -> None:
    """200 while all is well, 503 with what is wrong, and metrics either way."""
    metrics, problems = Metrics(), {}
    metrics.gauge("profilestream_partitions").set(4)

    async def ready() -> Report:
        return Report(dict(problems), {"partitions": 4})

    endpoint = await Endpoint.start(metrics, host="127.0.0.1", port=0, ready=ready)
    try:
        async with aiohttp.ClientSession(endpoint.address) as client:
            async with client.get("/ready") as answer:
                assert answer.status == 200
                assert await answer.json() == {"status": "ok", "problems": {}, "partitions": 4}
            problems["store"] = "Redis does not answer"
            async with client.get("/ready") as answer:
                assert answer.status == 503
                assert (await answer.json())["problems"] == problems
            async with client.get("/live") as answer:
                assert answer.status == 200
            async with client.get("/metrics") as answer:
                assert answer.headers["Content-Type"].startswith("text/plain; version=")
                assert "profilestream_partitions 4.0" in await answer.text()
    finally:
        await endpoint.close()


async def test_a_port_that_is_taken_is_said_so() -> None:
    """With the names of the settings to change."""
    endpoint = await Endpoint.start(Metrics(), host="127.0.0.1", port=0)
    port = int(endpoint.address.rpartition(":")[2])
    with pytest.raises(SetupError, match="health_port"):
        await Endpoint.start(Metrics(), host="127.0.0.1", port=port)
    await endpoint.close()
