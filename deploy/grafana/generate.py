"""Boards as Grafana's JSON (schema version 39, Grafana 10 and later)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .boards import BOARDS, Board, Panel

FOLDER = Path(__file__).parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "profilestream-prometheus"}

_COLUMNS = 24
_SIZES = {"stat": (4, 4), "timeseries": (8, 8), "table": (8, 8)}  # width, height


def dashboard(board: Board) -> dict[str, Any]:
    """One dashboard."""
    return {
        "uid": board.uid,
        "title": board.title,
        "tags": ["profilestream"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "panels": list(_panels(board)),
    }


def text(board: Board) -> str:
    """As it is written to its file."""
    return json.dumps(dashboard(board), indent=1) + "\n"


def _panels(board: Board) -> Iterator[dict[str, Any]]:
    x = y = row = 0
    for number, panel in enumerate(board.panels, 1):
        width, height = _SIZES[panel.shape]
        if x + width > _COLUMNS or height != row:
            x, y = 0, y + row
        row = height
        yield _panel(panel, number, {"x": x, "y": y, "w": width, "h": height})
        x += width


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.shape,
        "title": panel.title,
        "description": panel.note,
        "gridPos": place,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + position),
                "datasource": SOURCE,
                "expr": query.expr.replace("[R]", "[$__rate_interval]"),
                "legendFormat": query.legend,
                "instant": panel.shape == "table",
                "format": "table" if panel.shape == "table" else "time_series",
            }
            for position, query in enumerate(panel.queries)
        ],
    }


def main() -> None:
    """Write all of them."""
    for board in BOARDS:
        (FOLDER / f"{board.uid}.json").write_text(text(board), encoding="utf-8")


if __name__ == "__main__":
    main()
