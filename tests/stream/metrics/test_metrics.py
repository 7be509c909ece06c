"""Metrics: only what is in the catalogue, and only as it is there."""

import re

import pytest

from profilestream.stream.metrics.catalogue import CATALOGUE, Metric
from profilestream.stream.metrics.metrics import Metrics, Sample

UNITS = ("_total", "_seconds", "_events", "_texts", "_info", "_state", "_in_flight", "_partitions")
OF_NO_UNIT = ("_score", "_threshold", "_alarm", "_accuracy", "_forgetting")


def test_what_is_written_is_exposed() -> None:
    """A scrape sees what was counted, set and observed."""
    metrics = Metrics()
    metrics.counter("profilestream_feedback_total", outcome="learned").inc(3)
    metrics.gauge("profilestream_prequential_accuracy", task="interest").set(0.5)
    metrics.histogram("profilestream_batch_events").observe(100)
    text = metrics.exposition().decode()
    assert 'profilestream_feedback_total{outcome="learned"} 3.0' in text
    assert 'profilestream_prequential_accuracy{task="interest"} 0.5' in text
    assert 'profilestream_batch_events_bucket{le="64.0"} 0.0' in text
    assert 'profilestream_batch_events_bucket{le="128.0"} 1.0' in text


def test_what_others_keep_is_read_at_each_scrape() -> None:
    """Counters that exist anyway cost nothing until somebody asks."""
    metrics, seen = Metrics(), [1.0]
    metrics.read_from(lambda: [Sample("profilestream_events_total", seen[0], ("applied",))])
    assert 'profilestream_events_total{outcome="applied"} 1.0' in metrics.exposition().decode()
    seen[0] = 2.0
    assert 'profilestream_events_total{outcome="applied"} 2.0' in metrics.exposition().decode()


def test_a_mistyped_name_is_found_at_once() -> None:
    """A metric that nobody described is refused, as is one of another kind or with other labels."""
    metrics = Metrics()
    with pytest.raises(KeyError):
        metrics.gauge("profilestream_lagg")
    with pytest.raises(ValueError, match="is a counter, not a gauge"):
        metrics.gauge("profilestream_updates_total")
    with pytest.raises(ValueError, match="label"):
        metrics.counter("profilestream_feedback_total", reason="x")
    with pytest.raises(ValueError, match="label"):
        metrics.counter("profilestream_feedback_total")


@pytest.mark.parametrize("metric", CATALOGUE.values(), ids=lambda metric: metric.name)
def test_names_follow_prometheus_conventions(metric: Metric) -> None:
    """A prefix, a base unit, and _total on counters only."""
    assert re.fullmatch(r"profilestream(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.name.endswith(UNITS + OF_NO_UNIT)
    assert metric.meaning.endswith(".")
