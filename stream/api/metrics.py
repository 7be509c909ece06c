"""The API's own metrics."""

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_ENDLESS = {"/v1/updates"}  # streams, whose length says nothing of how quick they are
_METHODS = frozenset({"GET", "POST", "HEAD"})
_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class ApiMetrics:
    """Counts requests; the registry is this object's own, so that several apps in a process do not meet.

    Attributes:
        registry: To be scraped.
        live_clients: That follow updates.
        live_dropped: Updates that a slow client was not told.
        indexed_users: In the index.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "profilestream_api_requests",
            "Requests answered, by route, method and status.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "profilestream_api_request_seconds",
            "From the request to the end of the answer.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.live_clients = Gauge(
            "profilestream_api_live_clients", "Clients that follow live updates.", registry=self.registry
        )
        self.live_dropped = Counter(
            "profilestream_api_live_dropped", "Users whose update a slow client was not told.", registry=self.registry
        )
        self.indexed_users = Gauge(
            "profilestream_api_indexed_users", "Users in the in-memory index.", registry=self.registry
        )

        # Routes, methods and statuses are few, and looking a child up costs more than counting.
        self._counter, self._timer = cache(self._requests.labels), cache(self._seconds.labels)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered."""
        known = method if method in _METHODS else "other"
        self._counter(route, known, str(status)).inc()
        if route not in _ENDLESS:
            self._timer(route).observe(seconds)
