"""What the learner tells Prometheus: read at each scrape from what it counts anyway."""

from collections.abc import Iterator

from ..continual.learner import HeadLearner
from ..stream.metrics.metrics import Sample


class LearnerFigures:
    """Figures of one learner, which need not be there yet.

    Args:
        enough: Texts until an accuracy may count as the best: before, it is luck.

    Attributes:
        learner: The one that learns now.
    """

    def __init__(self, enough: int = 200) -> None:
        self._enough = enough
        self.learner: HeadLearner | None = None
        self._best: dict[str, float] = {}

    def read(self) -> Iterator[Sample]:
        """All values now."""
        if self.learner is None:
            return
        counts, tasks = self.learner.counts, self.learner.status()
        for outcome in ("learned", "repeated", "unusable", "other_tasks"):
            yield Sample("profilestream_feedback_total", getattr(counts, outcome), (outcome,))
        yield Sample("profilestream_publications_total", counts.published, ("head",))
        yield Sample("profilestream_buffer_texts", sum(task["texts"] for task in tasks.values()))
        for name, task in tasks.items():
            if task["recent"] is not None:
                yield Sample("profilestream_prequential_accuracy", task["recent"], (name,))
                yield Sample("profilestream_forgetting", self._forgotten(name, task["tested"], task["recent"]), (name,))

    def _forgotten(self, name: str, tested: int, recent: float) -> float:
        if tested >= self._enough:
            self._best[name] = max(recent, self._best.get(name, 0.0))
        return max(0.0, self._best.get(name, recent) - recent)
