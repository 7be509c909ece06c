"""An encoder that learns, under a head that does not forget."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..buffer.balanced import BalancedBuffer
from ..buffer.base import Limits
from ..training.tower import Tower
from .er_ace import AsymmetricReplay
from .frozen import frozen_ridge
from .strategy import Scores, StrategyOptions, Task
from .tuned import Examples, distillation


class Ours(AsymmetricReplay):
    """Replay from a class-balanced buffer with ER-ACE's masking (Caccia et al., ICLR 2022), and two distillations.

    Replayed texts keep the logits that they had (DER: Buzzega et al., NeurIPS 2020), and all texts their embeddings:
    `1 - cos(new, champion)`, where the champion is the encoder before the task. The trained head answers together with
    a ridge regression on random features (McDonnell et al., NeurIPS 2023): both are linear, so their sum is a single
    head on those features. The regression's sums over texts that are gone stay in the space in which these were
    embedded: the distillation of embeddings keeps it near enough.

    Args:
        tower: To be trained.
        options: Of the strategy.
    """

    def __init__(self, tower: Tower, options: StrategyOptions) -> None:
        seed = options.training.seed
        super().__init__(tower, options, BalancedBuffer(limits=Limits(items=options.buffer), seed=seed))
        self.ridge = frozen_ridge(tower, options.features, seed)
        self._champion: dict[str, Tensor] = {}

    def remember(self, task: Task) -> None:
        """Take a task for known: the head learns it too."""
        super().remember(task)
        self.ridge.learn(task, _quiet)

    def before(self, task: Task) -> None:
        """What the champion makes of everything that will be seen in this task."""
        texts = list(dict.fromkeys([*task.texts, *(item.text for item in self.replayed)]))
        embeddings = torch.from_numpy(self.network.tower.embed(texts))
        self._champion = dict(zip(texts, embeddings, strict=True))

    def loss(self, new: Examples, generator: torch.Generator) -> Tensor:
        """ER-ACE's, and both distillations."""
        old = self.replay(len(new), generator)
        texts = [*new.texts, *(old.texts if old else [])]
        logits, embeddings = self.network(texts)
        loss = self.asymmetric(logits, new, old)
        champion = torch.stack([self._champion[text] for text in texts]).to(embeddings)
        loss = loss + self.options.embedding * (1 - nn.functional.cosine_similarity(embeddings, champion)).mean()
        if old is None:
            return loss
        soft = distillation(logits[len(new) :], old.logits, self.options.temperature)
        return loss + self.options.distillation * soft

    def after(self, task: Task) -> None:
        """The closed form takes the new texts in; some are remembered."""
        self.ridge.learn(task, _quiet)
        super().after(task)

    def scores(self, texts: Sequence[str]) -> Scores:
        """Of the trained head and the head in closed form, added up."""
        return (super().scores(texts) + self.options.ridge * self.ridge.scores(texts)).astype(np.float32)


def _quiet(_done: int, _total: int) -> None:
    """Training has been told; the closed form takes seconds."""
