"""Experience replay with asymmetric cross-entropy."""

import torch
from torch import Tensor, nn

from .er import ExperienceReplay
from .tuned import Examples, Replayed, only


class AsymmetricReplay(ExperienceReplay):
    """ER-ACE (Caccia et al., ICLR 2022): new texts compete among the task's labels only.

    So what is new does not push the old labels' embeddings out of the way; telling new from old is learned from replay.
    """

    def loss(self, new: Examples, generator: torch.Generator) -> Tensor:
        """Of new texts, and of as many replayed ones."""
        old = self.replay(len(new), generator)
        logits, _ = self.network([*new.texts, *(old.texts if old else [])])
        return self.asymmetric(logits, new, old)

    def asymmetric(self, logits: Tensor, new: Examples, old: Replayed | None) -> Tensor:
        """Cross-entropy of new texts among the task's labels, and of replayed ones, which follow them, among all."""
        loss = nn.functional.cross_entropy(only(logits[: len(new)], self.new_ids), new.ids)
        return loss + nn.functional.cross_entropy(logits[len(new) :], old.ids) if old else loss
