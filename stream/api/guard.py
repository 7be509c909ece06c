"""Who may do what: a bearer token with a scope, a rate for each, and reading without one only where it is said so."""

import ipaddress
import math
from functools import lru_cache
from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer as BearerModel
from fastapi.security.base import SecurityBase

from .limiter import RateLimiter
from .options import ApiOptions
from .problems import Problem
from .tokens import Scope, find

_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "[::1]"}
_LISTS = {"user"}  # query parameters that may come several times
_PROXIED = frozenset({"forwarded", "x-forwarded-for", "x-real-ip"})
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="profilestream"'}


class Guard:
    """Admits requests.

    Args:
        options: Tokens, rates and whether reading is open on loopback.
    """

    def __init__(self, options: ApiOptions) -> None:
        self._tokens = options.tokens
        self._open = options.open_on_loopback
        self._limiter = RateLimiter(options.rate)

    def admit(self, request: Request, scope: Scope) -> str:
        """The name of whoever asks.

        Raises:
            Problem: 401 without a token or with one that is not known, 403 where it is not enough, 429 too often.
        """
        name = self._name(request, scope)
        if wait := self._limiter.wait(name):
            seconds = str(math.ceil(wait))
            raise Problem(
                429, "Too Many Requests", "Ask less often: api_rate_limit is reached.", {"Retry-After": seconds}
            )
        return name

    def _name(self, request: Request, scope: Scope) -> str:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if not given:
            if self._open and scope == "read" and from_this_machine(request):
                return "loopback"
            raise Problem(401, "Unauthorized", "Send a token: `Authorization: Bearer TOKEN`.", _CHALLENGE)
        token = find(self._tokens, given.strip()) if kind.lower() == "bearer" else None
        if token is None:
            raise Problem(401, "Unauthorized", "This token is not known; see api_tokens.", _CHALLENGE)
        if not token.may(scope):
            raise Problem(403, "Forbidden", f"This token may only {token.scope}; {scope} is needed.")
        return token.name


def from_this_machine(request: Request) -> bool:
    """Whether a request comes from a program here that meant this server.

    Not one that a proxy passed on, and not one of a web page elsewhere whose name was made to point here (DNS
    rebinding): the Host header has that name.
    """
    client, headers = request.client, request.headers
    host = headers.get("host", "")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    near = client is not None and _is_loopback(client.host)
    return near and name.lower() in _LOOPBACK_NAMES and _PROXIED.isdisjoint(headers.keys())


@lru_cache(maxsize=256)
def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _once(request: Request) -> None:
    """Two values where one counts mean one thing to us and another to a proxy before us: neither is taken."""
    for name in request.query_params:
        if name not in _LISTS and len(request.query_params.getlist(name)) > 1:
            raise Problem(422, "Unprocessable Content", f"query.{name}: give it once.")


class Requires(SecurityBase):
    """A dependency of routes: only with this scope.

    Args:
        scope: That is needed.
    """

    def __init__(self, scope: Scope) -> None:
        self.model = BearerModel(description="A token of `api_tokens`, with the scope read or admin.")
        self.scheme_name = "token"
        self.scope: Scope = scope

    async def __call__(self, request: Request) -> str:
        """The name of whoever asks; see Guard."""
        guard: Guard = request.app.state.services.guard
        name = guard.admit(request, self.scope)
        if request.scope["query_string"]:
            _once(request)
        return name


read = Depends(Requires("read"))
Admin = Annotated[str, Depends(Requires("admin"))]
