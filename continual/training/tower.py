"""The part of an encoder that training changes: from remembered hidden states to embeddings."""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from ...inference.embedder import Embeddings
from ...inference.encoder import Encoder, SentenceEncoder
from .base import FrozenBase, embeddings, run_layers, stack
from .options import TrainingOptions

_BATCH = 128
# Texts that a CPU runs at a time, of about the same length: beside longer ones a short text costs as much as they do.
# With 64 texts of CLINC150 in a step this takes two thirds of the time. A GPU would rather have them all at once.
_ALIKE = 16


class Tower(nn.Module):
    """A trainable copy of what lies above a frozen base, ending in embeddings of unit length.

    No dropout: it starts from a trained encoder, sees each text a few times, and distillation holds it better.

    Args:
        base: What lies below; shared by towers of the same tuning.
        options: Say what is tuned, and how LoRA does it (Hu et al., ICLR 2022).
    """

    def __init__(self, base: FrozenBase, options: TrainingOptions) -> None:
        super().__init__()
        self.base = base
        self.device = options.device
        transformer = base.encoder.module.transformer
        self.embeddings = copy.deepcopy(embeddings(transformer)) if base.layers is None else None
        self.layers = copy.deepcopy(stack(transformer)[base.layers or 0 :])
        if options.tuning == "lora":
            self._adapt(options)
        self.to(options.device).eval()

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Embeddings of what `FrozenBase.batch` gives, shape (texts, dimensions), float32."""
        if self.embeddings is not None:
            hidden = self.embeddings(hidden)
        return self._pool(run_layers(self.layers, hidden, mask).float(), mask)

    def embed_batch(self, texts: Sequence[str]) -> Tensor:
        """Embeddings of one batch, with gradients where they are on."""
        lengths = self.base.lengths(texts)
        order = sorted(range(len(texts)), key=lengths.__getitem__)
        size = _ALIKE if self.device == "cpu" else len(texts)
        groups = [order[start : start + size] for start in range(0, len(order), size)]
        rows = [self(*self.base.batch([texts[row] for row in group], self.device)) for group in groups]
        return torch.cat(rows)[torch.argsort(torch.tensor(order, device=self.device))]

    @torch.no_grad()
    def embed(self, texts: Sequence[str]) -> Embeddings:
        """Embeddings as float32, shape (texts, dimensions)."""
        lengths = self.base.lengths(texts)
        order = sorted(range(len(texts)), key=lengths.__getitem__)
        rows = torch.zeros(len(texts), self.base.encoder.dimensions)
        for start in range(0, len(texts), _BATCH):
            chosen = order[start : start + _BATCH]
            rows[chosen] = self.embed_batch([texts[index] for index in chosen]).cpu()
        result: Embeddings = rows.numpy()
        return result

    def tuned(self) -> list[nn.Parameter]:
        """The parameters that training changes."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def encoder(self) -> Encoder:
        """A whole encoder with what was learned in it, for export; LoRA's additions are merged into the weights."""
        whole = copy.deepcopy(self.base.encoder.module.transformer)
        above = _merged(copy.deepcopy(self.layers)).cpu()
        for place, layer in enumerate(above, start=self.base.layers or 0):
            stack(whole)[place] = layer
        if self.embeddings is not None:
            whole.embeddings = copy.deepcopy(self.embeddings).cpu()
        whole.requires_grad_(True)
        module = SentenceEncoder(whole, self.base.encoder.module.pooling).eval()
        return replace(self.base.encoder, module=module)

    def _pool(self, hidden: Tensor, mask: Tensor) -> Tensor:
        pool = self.base.encoder.module._pool  # noqa: SLF001 - the very pooling of inference, not a copy of it
        return nn.functional.normalize(pool(hidden, mask), dim=-1)

    def _adapt(self, options: TrainingOptions) -> None:
        names = {
            name.rpartition(".")[2] for name, module in self.layers.named_modules() if isinstance(module, nn.Linear)
        }
        config = LoraConfig(r=options.rank, lora_alpha=2 * options.rank, target_modules=sorted(names))
        with torch.random.fork_rng():
            torch.manual_seed(options.seed)
            inject_adapter_in_model(config, self.layers)


def base_for(encoder: Encoder, options: TrainingOptions) -> FrozenBase:
    """The frozen part that goes with a way of tuning."""
    depth = len(stack(encoder.module.transformer))
    kept = {"head": depth, "all": None}.get(options.tuning, max(0, depth - options.layers))
    return FrozenBase(encoder, kept)


def _merged(layers: nn.ModuleList) -> nn.ModuleList:
    adapted: Iterable[tuple[str, nn.Module]] = [*layers.named_modules()]
    for name, module in adapted:
        if isinstance(module, LoraLayer):
            module.merge()
            layers.set_submodule(name, module.get_base_layer())
    return layers
