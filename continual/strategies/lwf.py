"""Learning without forgetting."""

import torch
from torch import Tensor, nn

from .strategy import Task
from .tuned import Examples, Network, Tuned, distillation


class LearningWithoutForgetting(Tuned):
    """LwF (Li and Hoiem, ECCV 2016): on the new texts, what the model said of the old labels should stay as it was."""

    teacher: Network

    def before(self, task: Task) -> None:  # noqa: ARG002 - the same for every task
        """The teacher is the model as it is now."""
        self.teacher = self.copy()

    def loss(self, new: Examples, generator: torch.Generator) -> Tensor:  # noqa: ARG002 - nothing is drawn
        """Cross-entropy on the new texts, and distillation on the same texts."""
        logits, _ = self.network(new.texts)
        loss = nn.functional.cross_entropy(logits, new.ids)
        if not self.known:
            return loss
        with torch.no_grad():
            before, _ = self.teacher(new.texts)
        soft = distillation(logits[:, : self.known], before[:, : self.known], self.options.temperature)
        return loss + self.options.distillation * soft
