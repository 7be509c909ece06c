"""What a bench of learning found, shown on the page."""

import time
from collections.abc import Mapping
from typing import Any

from ..stream.api.answers import Learning
from ..stream.api.reports import put_learning
from ..stream.store.models import RedisModelStore
from . import wiring
from .settings import Settings

_CEILINGS = ("joint", "frozen_lda", "frozen_ridge")  # they learn nothing in turn


def report_of(results: Mapping[str, Any], moment: int) -> Learning | None:
    """The accuracy matrix of our own strategy, or of the best that learns in turn; None where none was finished.

    Args:
        results: `Results.as_dict` of a bench.
        moment: In ms.
    """
    rows = {name: row for name, row in results["strategies"].items() if name not in _CEILINGS}
    if not rows:
        return None
    name = "ours" if "ours" in rows else max(rows, key=lambda one: rows[one]["final_accuracy"]["mean"])
    row = rows[name]
    return Learning(
        time=moment,
        source=f"learn bench, {name}, {results['benchmark']}",
        tasks=tuple(results["tasks"]),
        accuracy=tuple(
            [value if task <= after else None for task, value in enumerate(values)]
            for after, values in enumerate(row["matrix"])
        ),
        summary={
            "average_accuracy": row["final_accuracy"]["mean"],
            "forgetting": row["forgetting"]["mean"],
            "when_learned": row["learning_accuracy"]["mean"],
        },
    )


async def show_report(settings: Settings, results: Mapping[str, Any]) -> bool:
    """Put it where the API looks; whether there was something to show.

    Raises:
        StoreUnavailableError: Redis does not answer.
    """
    report = report_of(results, round(time.time() * 1000))
    if report is not None:
        store = wiring.store(settings)
        try:
            await put_learning(RedisModelStore(store.client), report)
        finally:
            await store.close()
    return report is not None
