"""A schema registry, over the HTTP API that Confluent's, Karapace's, Redpanda's and Apicurio's have in common.

Source: "Schema Registry API Reference" (docs.confluent.io). An answer that is not a registry's (a proxy's error page, a
wrong address) is never taken for "there is no such schema": good messages would go to dead-letters for it.
"""

import asyncio
import random
import ssl
from typing import Any
from urllib.parse import quote

import httpx

from .errors import BadRecordError, ConfigurationError, RegistryUnavailableError

AT_ONCE = 8  # requests
TRIES = 3
FIRST_PAUSE = 0.1  # seconds; doubled with each try, drawn at random

_SUBJECT_UNKNOWN, _VERSION_UNKNOWN, _SCHEMA_UNKNOWN = 40401, 40402, 40403
_NOT_THERE = {_SUBJECT_UNKNOWN, _VERSION_UNKNOWN, _SCHEMA_UNKNOWN}
_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"


class SchemaRegistry:
    """Looks up and registers schemas.

    Args:
        url: `http://host:port` or `https://…`, with a path where it has one.
        user: For basic authentication.
        password: The user's.
        timeout: Seconds for each try.
    """

    def __init__(self, url: str, *, user: str | None = None, password: str | None = None, timeout: float = 5.0) -> None:
        self.url = url.rstrip("/")
        self._timeout = timeout
        self._client = httpx.AsyncClient(
            auth=None if user is None else httpx.BasicAuth(user, password or ""),
            timeout=timeout,  # of each step; the whole is bounded where the request is made
            verify=ssl.create_default_context(),
            trust_env=False,  # an internal service: no proxy on the way, no password out of ~/.netrc
            headers={"Accept": f"{_MEDIA_TYPE}, application/json", "Content-Type": _MEDIA_TYPE},
        )
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def schema(self, number: int) -> str | None:
        """The Avro schema with an id, as JSON; None where there is none.

        Raises:
            BadRecordError: `unknown_schema`: it is not Avro, or is made of several schemas.
            RegistryUnavailableError: No answer; ask again.
        """
        found = await self._ask("GET", f"/schemas/ids/{number}")
        if found is None:
            return None
        kind = found.get("schemaType", "AVRO")
        if kind != "AVRO":
            raise BadRecordError("unknown_schema", f"schema {number} of the registry is {kind}, not AVRO")
        if found.get("references"):
            raise BadRecordError("unknown_schema", f"schema {number} of the registry refers to others")
        return str(self._value(found, "schema", str))

    async def latest(self, subject: str) -> str | None:
        """The newest schema of a subject, as JSON; None where it has none.

        Raises:
            RegistryUnavailableError: No answer; ask again.
            ConfigurationError: The registry refuses us.
        """
        found = await self._ask("GET", f"/subjects/{quote(subject, safe='')}/versions/latest")
        return None if found is None else str(self._value(found, "schema", str))

    async def id_of(self, subject: str, text: str) -> int | None:
        """The id of a schema, if it is registered under the subject.

        Raises:
            RegistryUnavailableError: No answer; ask again.
            ConfigurationError: The registry refuses us.
        """
        found = await self._ask("POST", f"/subjects/{quote(subject, safe='')}", {"schema": text})
        return None if found is None else int(self._value(found, "id", int))

    async def register(self, subject: str, text: str) -> int:
        """Register a schema as the newest version of a subject; harmless where it is there already.

        Returns:
            Its id.

        Raises:
            RegistryUnavailableError: No answer; ask again.
            ConfigurationError: The registry refuses it.
        """
        found = await self._ask("POST", f"/subjects/{quote(subject, safe='')}/versions", {"schema": text})
        return int(self._value(found or {}, "id", int))

    async def close(self) -> None:
        """Disconnect."""
        await self._client.aclose()

    async def _ask(self, method: str, path: str, body: dict[str, str] | None = None) -> dict[str, Any] | None:
        """The answer; None where the registry says that there is no such thing. Tries again where that may help."""
        failures = 0
        while True:
            try:
                return await self._try(method, path, body)
            except RegistryUnavailableError:
                failures += 1
                if failures == TRIES:
                    raise
            await asyncio.sleep(random.uniform(0, FIRST_PAUSE * 2**failures))  # noqa: S311 (not a secret)

    async def _try(self, method: str, path: str, body: dict[str, str] | None) -> dict[str, Any] | None:
        try:
            async with self._slots, asyncio.timeout(self._timeout):
                return self._understood(await self._client.request(method, self.url + path, json=body))
        except httpx.InvalidURL as error:
            raise ConfigurationError(f"schema_registry_url {self.url}: {error}") from error
        except (httpx.HTTPError, TimeoutError) as error:
            what = str(error) or type(error).__name__
            raise RegistryUnavailableError(f"the schema registry at {self.url} does not answer: {what}") from error

    def _understood(self, response: httpx.Response) -> dict[str, Any] | None:
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if response.is_success and isinstance(answer, dict):
            return answer
        said = answer if isinstance(answer, dict) else {}
        if response.status_code == httpx.codes.NOT_FOUND and said.get("error_code") in _NOT_THERE:
            return None
        what = f"status {response.status_code} {str(said.get('message', ''))[:300]}".rstrip()
        if response.status_code in {401, 403, 409, 422}:
            raise ConfigurationError(f"the schema registry at {self.url} refuses: {what}")
        unlike = "" if said else ", which is not the answer of a schema registry"
        raise RegistryUnavailableError(f"the schema registry at {self.url} answers with {what}{unlike}")

    def _value(self, answer: dict[str, Any], name: str, kind: type[Any]) -> Any:
        if not isinstance(answer.get(name), kind):
            raise RegistryUnavailableError(f"the schema registry at {self.url} answered without a {name}")
        return answer[name]
