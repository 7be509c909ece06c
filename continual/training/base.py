"""The part of an encoder that training leaves as it is: run once for each text, and remembered."""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...inference.encoder import Encoder
from ...schemas.errors import ConfigurationError

_BATCH = 128


class FrozenBase:
    """The embeddings and lower layers of a BERT-like encoder, with a memory of what they made of each text.

    Training the top two of six layers then costs a third of training all, and texts of ten tokens take some 17 KB each.

    Args:
        encoder: The champion; it is only read.
        layers: Layers from the bottom that are run here; None: not even the embeddings, so that tokens are remembered.
        remembered: Most texts to keep.

    Raises:
        ConfigurationError: The encoder is not built as BERT is, or has fewer layers.
    """

    def __init__(self, encoder: Encoder, layers: int | None, *, remembered: int = 50_000) -> None:
        self.encoder = encoder
        self.layers = layers
        self._remembered = remembered
        self._memory: OrderedDict[str, Tensor] = OrderedDict()
        if (layers or 0) > len(stack(encoder.module.transformer)):
            raise ConfigurationError(f"the encoder has {len(stack(encoder.module.transformer))} layers, not {layers}")

    def __deepcopy__(self, _memo: object) -> "FrozenBase":
        """Itself: it never changes, and copies of a tower share its memory of texts."""
        return self

    def batch(self, texts: Sequence[str], device: str = "cpu") -> tuple[Tensor, Tensor]:
        """What the tuned part reads.

        Returns:
            Hidden states, float32 of shape (texts, tokens, dimensions), or token ids, int64 of shape (texts, tokens),
            where the tuned part has the embeddings; and the attention mask, float32 of shape (texts, tokens).
        """
        self._learn(texts)
        rows = [self._memory[text] for text in texts]
        lengths = torch.tensor([len(row) for row in rows])
        mask = (torch.arange(int(lengths.max()))[None, :] < lengths[:, None]).float()
        return nn.utils.rnn.pad_sequence(rows, batch_first=True).to(device), mask.to(device)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        self._learn(texts)
        return [len(self._memory[text]) for text in texts]

    def _learn(self, texts: Sequence[str]) -> None:
        missing = list(dict.fromkeys(text for text in texts if text not in self._memory))
        missing.sort(key=len)  # texts of a length together: less padding
        for start in range(0, len(missing), _BATCH):
            self._memory.update(self._run(missing[start : start + _BATCH]))
        while len(self._memory) > max(self._remembered, len(texts)):
            self._memory.popitem(last=False)
            self._learn(texts)

    @torch.no_grad()
    def _run(self, texts: list[str]) -> dict[str, Tensor]:
        ids, mask = self.encoder.tokenise(texts)
        rows = ids if self.layers is None else self._hidden(ids, mask.float())
        lengths = mask.sum(1).tolist()
        return {text: rows[row, :length].clone() for row, (text, length) in enumerate(zip(texts, lengths, strict=True))}

    def _hidden(self, ids: Tensor, mask: Tensor) -> Tensor:
        transformer = self.encoder.module.transformer
        hidden: Tensor = embeddings(transformer)(ids)
        return run_layers(stack(transformer)[: self.layers], hidden, mask)


def stack(transformer: nn.Module) -> nn.ModuleList:
    """The layers of a BERT-like transformer.

    Raises:
        ConfigurationError: It has no `embeddings` and `encoder.layer`.
    """
    layers = getattr(getattr(transformer, "encoder", None), "layer", None)
    if not isinstance(layers, nn.ModuleList) or not hasattr(transformer, "embeddings"):
        raise ConfigurationError(f"{type(transformer).__name__} is not built as BERT is: it cannot be fine-tuned here.")
    return layers


def embeddings(transformer: nn.Module) -> nn.Module:
    """The token embeddings of a BERT-like transformer."""
    module: nn.Module = transformer.get_submodule("embeddings")
    return module


def run_layers(layers: nn.ModuleList, hidden: Tensor, mask: Tensor) -> Tensor:
    """Hidden states after `layers`; the mask is 1 for tokens and 0 for padding, shape (texts, tokens)."""
    additive = torch.zeros_like(mask).masked_fill(mask == 0, torch.finfo(torch.float32).min)[:, None, None, :]
    for layer in layers:
        hidden = layer(hidden, additive)
    return hidden
