"""/live, /ready and /metrics of a process, over HTTP: for orchestrators and Prometheus."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from ...schemas.errors import SetupError
from .metrics import Metrics


@dataclass(frozen=True, slots=True)
class Report:
    """How a process is.

    Attributes:
        problems: What is wrong, by part; empty where all is well.
        facts: What else is worth knowing.
    """

    problems: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


async def all_is_well() -> Report:
    """Of a process that has nothing to say: it answers, so it lives."""
    return Report()


Check = Callable[[], Awaitable[Report]]


class Endpoint:
    """A small HTTP server inside the process: it answers only while the event loop turns."""

    def __init__(self, runner: web.AppRunner, address: str) -> None:
        self._runner = runner
        self.address = address

    @classmethod
    async def start(
        cls, metrics: Metrics, *, host: str, port: int, live: Check = all_is_well, ready: Check = all_is_well
    ) -> Self:
        """An endpoint that answers.

        Args:
            metrics: Served at /metrics.
            host: To listen on. There is no authentication: leave it at loopback, or on a network of your own.
            port: 0 for any that is free; see `address`.
            live: Whether the process makes progress; 503 where it has problems.
            ready: Whether it can work now.

        Raises:
            SetupError: The address cannot be listened on.
        """

        async def exposition(_: web.Request) -> web.Response:
            return web.Response(body=metrics.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})

        app = web.Application()
        app.router.add_get("/live", _answering(live))
        app.router.add_get("/ready", _answering(ready))
        app.router.add_get("/metrics", exposition)
        runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await runner.cleanup()
            raise SetupError(f"health_host, health_port: cannot listen on {host}:{port} ({error.strerror})") from error
        bound: tuple[str, int] = runner.addresses[0][:2]
        shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        return cls(runner, f"http://{shown}:{bound[1]}")

    async def close(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()


def _answering(check: Check) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        report = await check()
        body = {"status": "failing" if report.problems else "ok", "problems": report.problems, **report.facts}
        return web.Response(
            body=orjson.dumps(body), status=503 if report.problems else 200, content_type="application/json"
        )

    return answer
