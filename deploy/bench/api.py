"""Reading profiles over HTTP, beside a route that does nothing and a bare Redis GET, in the same run."""

import sys
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from rich.table import Table

from ...stream.store.redis import PREFIX
from ..local.api import api
from ..local.ports import LOOPBACK, free_port
from ..local.probe import http_answers
from ..local.process import Server
from ..local.stack import LocalStack
from ..settings import Settings
from .http import CONNECTIONS, http_client
from .measure import USERS
from .openloop import Latencies, open_loop, punctually

RATE = 500.0  # requests a second
SECONDS = 10.0
WARM_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFigures:
    """Latencies of reading one profile at a fixed rate."""

    profile: Latencies
    bare_route: Latencies
    redis_get: Latencies

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"requests_per_second": RATE, **asdict(self)}

    def table(self) -> Table:
        """For the screen."""
        table = Table(
            "read", "p50 (ms)", "p99 (ms)", "p99.9 (ms)", "max (ms)", title=f"HTTP API, {RATE:.0f} requests/s"
        )
        for name, found in (("bare Redis GET", self.redis_get), ("bare FastAPI route", self.bare_route)):
            table.add_row(name, *_columns(found))
        table.add_row("[bold]a profile[/]", *_columns(self.profile))
        return table


async def measure_api(settings: Settings, stack: LocalStack) -> ApiFigures:
    """One after the other, so that none takes the others' cores.

    Args:
        settings: Of a local stack whose profiles are those of `measure.pipeline`.
        stack: Starts the API and the bare route.
    """
    served = await stack.start(lambda: api(settings))
    bare = await stack.start(_bare)
    return ApiFigures(
        profile=await punctually(partial(_http, served.address, "/v1/profiles/user-")),
        bare_route=await punctually(partial(_http, bare.address, "/bare/user-")),
        redis_get=await punctually(partial(_redis, settings.redis_url)),
    )


async def _http(address: str, path: str) -> Latencies:
    async with http_client(address) as client:
        await open_loop(lambda number: client.get(f"{path}{number % USERS}"), RATE, WARM_SECONDS)
        return await open_loop(lambda number: client.get(f"{path}{number % USERS}"), RATE, SECONDS)


async def _redis(url: str) -> Latencies:
    async with Redis.from_pool(BlockingConnectionPool.from_url(url, max_connections=CONNECTIONS)) as client:

        async def ask(number: int) -> None:
            await client.get(f"{PREFIX}user-{number % USERS}")

        await open_loop(ask, RATE, WARM_SECONDS)
        return await open_loop(ask, RATE, SECONDS)


def _bare() -> Server:
    port = free_port()
    return Server(
        name="bare-route",
        address=f"http://{LOOPBACK}:{port}/",
        command=(sys.executable, "-m", "profilestream.deploy.bench.bare", str(port)),
        ready=lambda: http_answers(port, "/bare/x"),
        ports=(port,),
    )


def _columns(found: Latencies) -> list[str]:
    return [f"{value:.2f}" for value in (found.p50, found.p99, found.p999, found.highest)]
