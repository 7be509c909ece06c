"""The metrics of one process: only those of the catalogue, so that a name cannot be mistyped or forgotten."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from .catalogue import CATALOGUE, Kind


class Sample(NamedTuple):
    """A value that is read when Prometheus asks."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


Read = Callable[[], Iterable[Sample]]


class Metrics:
    """Metrics, by name. Each has a registry of its own, so that several workers in a process do not meet.

    Attributes:
        registry: Of prometheus_client.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._made: dict[str, Any] = {}

    def counter(self, name: str, **labels: str) -> Counter:
        """To be counted up.

        Raises:
            KeyError: Not in the catalogue.
            ValueError: It is no counter, or has other labels.
        """
        found: Counter = self._get(name, "counter", Counter, labels)
        return found

    def gauge(self, name: str, **labels: str) -> Gauge:
        """To be set; raises as `counter` does."""
        found: Gauge = self._get(name, "gauge", Gauge, labels)
        return found

    def histogram(self, name: str, **labels: str) -> Histogram:
        """To be given observations; raises as `counter` does."""
        buckets = CATALOGUE[name].buckets
        found: Histogram = self._get(name, "histogram", partial(Histogram, buckets=buckets), labels)
        return found

    def read_from(self, read: Read) -> None:
        """Counters and gauges whose values somebody else keeps: asked for at each scrape, and free in between."""
        self.registry.register(_Reader(read))

    def exposition(self) -> bytes:
        """All of them, as Prometheus reads them (text format 0.0.4)."""
        return generate_latest(self.registry)

    def _get(self, name: str, kind: Kind, make: Callable[..., Any], labels: dict[str, str]) -> Any:
        metric = CATALOGUE[name]
        if metric.kind != kind:
            raise ValueError(f"{name} is a {metric.kind}, not a {kind}")
        if name not in self._made:
            self._made[name] = make(name, metric.meaning, metric.labels, registry=self.registry)
        # With no labels given, one that needs some would be returned and fail only when it is used.
        return self._made[name].labels(**labels) if labels or metric.labels else self._made[name]


class _Reader:
    """A collector of prometheus_client."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def describe(self) -> list[Family]:
        """Nothing that could be known before a scrape."""
        return []

    def collect(self) -> Iterator[Family]:
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for name, value, labels in self._read():
            if name not in families:
                metric = CATALOGUE[name]
                family = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
                families[name] = family(name, metric.meaning, labels=metric.labels)
            families[name].add_metric(labels, value)
        yield from families.values()
