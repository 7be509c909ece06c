"""Around every answer: security headers, a bound for bodies, ids with slashes, and a count of it all."""

import time
from urllib.parse import unquote

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .metrics import ApiMetrics
from .problems import problem_response

SLASH = "\ue000"  # stands for a slash within an id, which is no boundary of the path

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_ENCODED = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]


class _TooLargeError(Exception):
    """More came than is taken."""


class Shield:
    """ASGI middleware; plain, as it is on the way of every request.

    Args:
        app: What it protects.
        body_bytes: Longest body.
        metrics: Where requests are counted.
    """

    def __init__(self, app: ASGIApp, body_bytes: int, metrics: ApiMetrics) -> None:
        self._app = app
        self._most = body_bytes
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def send_shielded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], *_ENCODED]}
                headers = MutableHeaders(raw=message["headers"])
                headers.setdefault("Cache-Control", "no-store")  # profiles are nobody else's business
            await send(message)

        if b"%2f" in scope.get("raw_path", b"").lower():
            scope["path"] = path_with_ids(scope["raw_path"])
        try:
            await self._bounded(scope, receive, send_shielded)
        finally:
            route = scope.get("route")
            self._metrics.request(
                getattr(route, "path", "none"), scope["method"], status, time.perf_counter() - started
            )

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._most:
            await self._refuse(scope, receive, send)
            return
        taken, over = 0, False

        async def receive_bounded() -> Message:
            nonlocal taken, over
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._most:
                over = True
                raise _TooLargeError
            return message

        async def send_unless_over(message: Message) -> None:
            if not over:  # what the app makes of its broken input is not the answer
                await send(message)

        try:
            await self._app(scope, receive_bounded, send_unless_over)
        except _TooLargeError:
            over = True
        if over:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = problem_response(
            413,
            "Content Too Large",
            f"At most {self._most:,} bytes: ask for fewer users at a time.",
            {"Connection": "close"},
        )
        await answer(scope, receive, send)


def path_with_ids(raw: bytes) -> str:
    """A path whose encoded slashes are told apart from those between its parts."""
    return "/".join(unquote(part).replace("/", SLASH) for part in raw.decode("ascii", "replace").split("/"))
