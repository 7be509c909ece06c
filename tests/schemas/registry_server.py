"""The smallest honest stand-in for a schema registry.

No registry server comes in a wheel, so the tests have this one: the part of the HTTP API that profilestream and
Confluent's own client use, with the status and error codes of the "Schema Registry API Reference", in one process and
in memory. `test_registry.py` keeps it true by Confluent's own Python client. What a real one has and this one has not:
versions that can be deleted, references, other formats than Avro (`put` only pretends), normalisation, contexts,
authorisation by subject.
"""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from profilestream.schemas.compatibility import unreadable_because

NOT_FOUND = {"subject": (40401, "Subject not found."), "version": (40402, "Version not found.")}
NO_SCHEMA = (40403, "Schema not found")


class RegistryServer:
    """A registry on a free port of this machine.

    Attributes:
        url: Where it is.
        level: `BACKWARD` or `NONE`, as a registry's compatibility level.
        login: User and password that it asks for; None: nobody's.
        failing: So many requests are answered with status 503.
        lagging: So many questions for an id are answered as if it were not there yet.
        page: Answered to everything, as by a proxy; None: nothing of the kind.
        requests: What was asked so far: method and path.
    """

    def __init__(self) -> None:
        self.level = "BACKWARD"
        self.login: tuple[str, str] | None = None
        self.failing = 0
        self.lagging = 0
        self.page: bytes | None = None
        self.requests: list[str] = []
        self.schemas: list[dict[str, str]] = []
        self.subjects: dict[str, list[int]] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._port = self._server.server_port
        self.url = f"http://127.0.0.1:{self._port}"
        self._serve()

    def put(self, text: str, kind: str = "AVRO") -> int:
        """A schema that is there already, under no subject; returns its id."""
        with self._lock:
            return self._id(text, kind)

    def stop(self) -> None:
        """Go away: connections are refused. What is registered stays for `start`."""
        self.up = False
        self._server.shutdown()
        self._server.server_close()

    def start(self) -> None:
        """Come back at the same address."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self))
        self._serve()

    def answer(self, method: str, path: str, body: dict[str, str]) -> tuple[int, object]:
        """Status and body for a request."""
        with self._lock:
            self.requests.append(f"{method} {path}")
            if self.failing:
                self.failing -= 1
                return 503, {"error_code": 50003, "message": "Error while forwarding the request to the primary"}
            match method, [unquote(part) for part in path.strip("/").split("/")]:
                case "GET", ["schemas", "ids", number]:
                    return self._schema(int(number))
                case "GET", ["config"]:
                    return 200, {"compatibilityLevel": self.level}
                case _, ["subjects", subject, *rest]:
                    return self._subject(method, subject, rest, body)
                case "POST", ["compatibility", "subjects", subject, "versions", "latest"]:
                    return self._compatible(subject, body["schema"])
            return _not_found(404, "HTTP 404 Not Found")

    def _subject(self, method: str, subject: str, rest: list[str], body: dict[str, str]) -> tuple[int, object]:
        if method == "GET" and rest == ["versions", "latest"]:
            return self._latest(subject)
        if method == "POST" and rest == ["versions"]:
            return self._register(subject, body["schema"])
        return self._registered(subject, body["schema"])

    def _serve(self) -> None:
        self.up = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def _id(self, text: str, kind: str = "AVRO") -> int:
        schema = {"schema": text} | ({} if kind == "AVRO" else {"schemaType": kind})
        if schema not in self.schemas:
            self.schemas.append(schema)
        return self.schemas.index(schema) + 1

    def _schema(self, number: int) -> tuple[int, object]:
        if self.lagging or not 1 <= number <= len(self.schemas):
            self.lagging = max(0, self.lagging - 1)
            return _not_found(*NO_SCHEMA)
        return 200, self.schemas[number - 1]

    def _version(self, subject: str, number: int) -> tuple[int, object]:
        version = self.subjects[subject].index(number) + 1
        return 200, {"subject": subject, "version": version, "id": number, **self.schemas[number - 1]}

    def _registered(self, subject: str, text: str) -> tuple[int, object]:
        if subject not in self.subjects:
            return _not_found(*NOT_FOUND["subject"])
        for number in self.subjects[subject]:
            if self.schemas[number - 1]["schema"] == text:
                return self._version(subject, number)
        return _not_found(*NO_SCHEMA)

    def _register(self, subject: str, text: str) -> tuple[int, object]:
        try:
            reason = self._reason(subject, text)
        except ValueError as error:
            return 422, {"error_code": 42201, "message": f"Invalid schema: {error}"}
        if reason:
            return 409, {"error_code": 409, "message": f"Schema being registered is incompatible: {reason}"}
        number = self._id(text)
        versions = self.subjects.setdefault(subject, [])
        if number not in versions:
            versions.append(number)
        return 200, {"id": number}

    def _latest(self, subject: str) -> tuple[int, object]:
        if subject not in self.subjects:
            return _not_found(*NOT_FOUND["subject"])
        return self._version(subject, self.subjects[subject][-1])

    def _compatible(self, subject: str, text: str) -> tuple[int, object]:
        if subject not in self.subjects:
            return _not_found(*NOT_FOUND["version"])
        return 200, {"is_compatible": self._reason(subject, text) is None}

    def _reason(self, subject: str, text: str) -> str | None:
        versions = self.subjects.get(subject)
        latest = self.schemas[versions[-1] - 1]["schema"] if versions else text
        reason = unreadable_because(text, latest)
        return reason if self.level == "BACKWARD" else None


@contextmanager
def registry_server() -> Iterator[RegistryServer]:
    """A registry for as long as the block runs."""
    server = RegistryServer()
    try:
        yield server
    finally:
        server.stop()


def _not_found(code: int, message: str) -> tuple[int, object]:
    return 404, {"error_code": code, "message": message}


def _handler(registry: RegistryServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            if not registry.up:
                self.close_connection = True
            elif registry.page is not None:
                self._send(404, "text/html", registry.page)
            elif registry.login and self.headers.get("Authorization") != _basic(*registry.login):
                self._send_json(401, {"error_code": 401, "message": "Unauthorized"})
            else:
                self._send_json(*registry.answer(self.command, urlsplit(self.path).path, body))

        def _send_json(self, status: int, answer: object) -> None:
            self._send(status, "application/vnd.schemaregistry.v1+json", json.dumps(answer).encode())

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class calls it so)
            """Say nothing."""

    return Handler


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
