"""Elastic weight consolidation."""

import torch
from torch import Tensor, nn

from ..training.batches import by_length
from .strategy import Task
from .tuned import Examples, Tuned


class ElasticWeights(Tuned):
    """EWC (Kirkpatrick et al., PNAS 2017), online (Schwarz et al., ICML 2018).

    Weights that mattered for earlier tasks, by the diagonal of the empirical Fisher information, are held by springs.
    The head's new rows are free.
    """

    importance: list[Tensor]
    anchors: list[Tensor]

    def before(self, task: Task) -> None:  # noqa: ARG002 - the same for every task
        """The springs hold what the head had; new rows have none."""
        if self._tasks:
            shapes = [parameter.shape for parameter in self._held()]
            self.importance = [_padded(old, shape) for old, shape in zip(self.importance, shapes, strict=True)]
            self.anchors = [_padded(old, shape) for old, shape in zip(self.anchors, shapes, strict=True)]

    def loss(self, new: Examples, generator: torch.Generator) -> Tensor:
        """Cross-entropy and the springs."""
        loss = super().loss(new, generator)
        if not self._tasks:
            return loss
        held = zip(self.importance, self._held(), self.anchors, strict=True)
        springs = [(weight * (now - then) ** 2).sum() for weight, now, then in held]
        return loss + self.options.ewc / 2 * torch.stack(springs).sum()

    def after(self, task: Task) -> None:
        """Add what mattered for this task to what mattered before."""
        fresh = self._fisher(task)
        if self._tasks:
            kept = self.options.ewc_decay
            fresh = [kept * old + new for old, new in zip(self.importance, fresh, strict=True)]
        self.importance = fresh
        self.anchors = [parameter.detach().clone() for parameter in self._held()]

    def _fisher(self, task: Task) -> list[Tensor]:
        held = self._held()
        total = [torch.zeros_like(parameter) for parameter in held]
        ids = self.ids(task.labels)
        batches = by_length(self.network.tower.base.lengths(task.texts), 8, 0)
        for rows in batches:
            logits, _ = self.network([task.texts[row] for row in rows])
            loss = nn.functional.cross_entropy(logits, self._tensor(ids[rows]))
            gradients = torch.autograd.grad(loss, held)
            total = [before + gradient**2 * len(rows) for before, gradient in zip(total, gradients, strict=True)]
        return [importance / len(task.texts) for importance in total]

    def _held(self) -> list[nn.Parameter]:
        tuned = [] if self.training.tuning == "head" else self.network.tower.tuned()
        return [*self.network.head.parameters(), *tuned]


def _padded(old: Tensor, shape: torch.Size) -> Tensor:
    grown = old.new_zeros(shape)
    grown[: len(old)] = old
    return grown
