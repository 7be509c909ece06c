"""What the tests of metrics, rules and dashboards share."""

import re

from profilestream.deploy.grafana.boards import BOARDS
from profilestream.stream.api.metrics import ApiMetrics
from profilestream.stream.metrics.catalogue import CATALOGUE


def documented() -> list[str]:
    """The names of all metrics."""
    api = ApiMetrics().registry.collect()
    return [*CATALOGUE, *[family.name + ("_total" if family.type == "counter" else "") for family in api]]


def used(text: str) -> set[str]:
    """The metrics that a query, or a file of rules, asks for."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bprofilestream_\w+", text)}


def queries() -> list[tuple[str, str]]:
    """Each query of each dashboard, with where it is, and a short range for rates."""
    return [
        (f"{board.uid}: {panel.title}", query.expr.replace("[R]", "[10s]"))
        for board in BOARDS
        for panel in board.panels
        for query in panel.queries
    ]
