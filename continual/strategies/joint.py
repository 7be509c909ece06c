"""Train on everything at once: the upper bound, which no memory is large enough for in the end."""

from .strategy import Report, Task
from .tuned import Tuned


class Joint(Tuned):
    """Trains from the champion on all texts, given as a single task: a measure for the others."""

    def learn(self, task: Task, report: Report) -> None:
        """Train on all texts, for more epochs than on one task."""
        ids = self._grow(task)
        self.train(task.texts, ids, self.options.joint_epochs, report)
