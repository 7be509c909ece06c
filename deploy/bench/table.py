"""The figures as tables."""
from typing import Any
from rich.table import Table
def tables(found: dict[str, Any]) -> list[Table]:
    return []
