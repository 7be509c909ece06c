"""Dark experience replay."""

import torch
from torch import Tensor, nn

from .er import ExperienceReplay
from .tuned import NEVER, Examples


class DarkReplay(ExperienceReplay):
    """DER++ (Buzzega et al., NeurIPS 2020): replayed texts should keep the logits that they had when they came in.

    Logits are those after the task in which a text came, and only of the labels known then; the paper stores them
    during training, with outputs for all labels that will ever be.
    """

    def loss(self, new: Examples, generator: torch.Generator) -> Tensor:
        """Cross-entropy on new texts, squared distance of logits on some replayed ones, cross-entropy on others."""
        dark, plain = self.replay(len(new), generator), self.replay(len(new), generator)
        if dark is None or plain is None:
            return super().loss(new, generator)
        logits, _ = self.network([*new.texts, *dark.texts, *plain.texts])
        own, again, replayed = logits.split(len(new))
        known = dark.logits > NEVER / 2
        distance = ((again - dark.logits).masked_fill(~known, 0.0) ** 2).sum() / known.sum()
        entropy = nn.functional.cross_entropy
        loss: Tensor = entropy(own, new.ids) + self.options.alpha * distance
        return loss + self.options.beta * entropy(replayed, plain.ids)
