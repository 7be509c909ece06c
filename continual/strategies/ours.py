"""An encoder that learns, under a head that does not forget."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...inference.features import RandomFeatures
from ..buffer.balanced import BalancedBuffer
from ..buffer.base import Limits
from ..training.tower import Tower
from .drifting_ridge import DriftingRidge
from .er_ace import AsymmetricReplay
from .strategy import Scores, StrategyOptions, Task
from .tuned import Examples, distillation


class Ours(AsymmetricReplay):
    """Replay from a class-balanced buffer with ER-ACE's masking (Caccia et al., ICLR 2022), and two distillations.

    Replayed texts keep the logits that they had (DER: Buzzega et al., NeurIPS 2020), and all texts their embeddings:
    `1 - cos(new, champion)`, where the champion is the encoder before the task. The head that answers is a ridge
    regression on random features (McDonnell et al., NeurIPS 2023) whose sums follow the encoder.

    Args:
        tower: To be trained.
        options: Of the strategy.
    """

    def __init__(self, tower: Tower, options: StrategyOptions) -> None:
        seed = options.training.seed
        super().__init__(tower, options, BalancedBuffer(limits=Limits(items=options.buffer), seed=seed))
        dimensions = tower.base.encoder.dimensions
        self.ridge = DriftingRidge(RandomFeatures(seed=seed, count=options.features, dimensions=dimensions))
        self._champion: dict[str, Tensor] = {}

    def remember(self, task: Task) -> None:
        """Take a task for known: the head learns it too."""
        super().remember(task)
        self._teach(task)

    def before(self, task: Task) -> None:
        """What the champion makes of everything that will be seen in this task."""
        texts = self._at_hand(task)
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
        """The head's sums follow the encoder and take the new texts in; then some texts are remembered."""
        texts = self._at_hand(task)
        before = torch.stack([self._champion[text] for text in texts]).numpy()
        self.ridge.follow(before, self.network.tower.embed(texts))
        self._teach(task)
        self.store(task)

    def scores(self, texts: Sequence[str]) -> Scores:
        """Of the head in closed form."""
        return self.ridge.scores(self.network.tower.embed(texts))

    def _teach(self, task: Task) -> None:
        self.ridge.add(self.network.tower.embed(task.texts), self.ids(task.labels), len(self.labels))

    def _at_hand(self, task: Task) -> list[str]:
        return list(dict.fromkeys([*task.texts, *(item.text for item in self.replayed)]))
