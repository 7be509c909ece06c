"""The arithmetic of the sections: slopes, latencies, shares."""

import os

import pytest

from profilestream.deploy.bench.cpu import Meter
from profilestream.deploy.bench.latency import _Book
from profilestream.deploy.bench.machine import describe_machine
from profilestream.deploy.bench.memory import MemoryCurve


@pytest.mark.parametrize(("growth", "expected"), [(0, 0.0), (1024, 1024.0)])
def test_the_slope_is_of_the_second_half(growth: int, expected: float) -> None:
    """What a worker takes while its caches fill is no leak; what it takes afterwards is."""
    events = list(range(0, 1000, 10))
    resident = [50_000_000 * min(number, 400) // 400 + growth * number for number in events]
    assert MemoryCurve(events, resident).slope() == pytest.approx(expected, abs=1e-6)


def test_latency_counts_from_when_an_event_was_due() -> None:
    """An update strikes off all events of its user that it covers, also those that the broker acknowledges later."""
    book = _Book()
    book.wrote(b"ada", 0, due=1.0)
    book.wrote(b"ada", 1, due=2.0)
    book.wrote(b"grace", 5, due=2.0)
    book.saw(b"ada", 2, now=4.0)
    book.wrote(b"ada", 2, due=3.5)
    assert book.took == [3.0, 2.0, 0.5]


def test_processor_time_is_counted_by_part() -> None:
    """A part's own work is told from that of others."""
    meter = Meter({"other": [os.getppid()]})
    sum(number * number for number in range(3_000_000))
    found = meter.seconds()
    assert set(found) == {"other", "bench"}
    assert found["bench"] > 0


def test_the_machine_is_described() -> None:
    """A figure without its machine says nothing."""
    found = describe_machine()
    assert found["cores"] > 0
    assert found["memory_bytes"] > 0
    assert found["versions"]["numpy"]
