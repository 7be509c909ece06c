"""How to train."""

from dataclasses import dataclass
from typing import Literal

from ...schemas.errors import ConfigurationError

Tuning = Literal["head", "top", "lora", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """How to train. The defaults were chosen on CLINC150's validation texts.

    Attributes:
        tuning: What of the encoder changes: nothing (`head`), its `top` layers, low-rank additions to
            them (`lora`), or `all`.
        layers: How many layers are the top.
        rank: Of LoRA's additions.
        epochs: Passes over the new texts.
        batch: Texts in a step.
        learning_rate: The highest, of the encoder; it warms up linearly to it and falls linearly to 0.
        head_factor: The head's learning rate is so many times the encoder's.
        warm_up: Share of the steps.
        weight_decay: AdamW's (Loshchilov and Hutter, ICLR 2019).
        clip: Gradients of a larger norm are scaled down to it.
        ema: Decay a step of the averaged weights that are kept in the end; 0: the last weights are kept.
        patience: Epochs without a better validation score before it stops; 0: it never stops early.
        precision: Of the products: `bfloat16` is for GPUs and the few CPUs that multiply in it.
        device: Where to train, in torch's words.
        checkpoint_steps: Steps between two checkpoints, where a folder for them is given.
        seed: Decides the order of texts and all else that is random.
    """

    tuning: Tuning = "top"
    layers: int = 2
    rank: int = 16
    epochs: int = 4
    batch: int = 32
    learning_rate: float = 5e-4
    head_factor: float = 5.0
    warm_up: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.0
    patience: int = 0
    precision: Literal["float32", "bfloat16"] = "float32"
    device: str = "cpu"
    checkpoint_steps: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch, self.layers, self.rank, self.checkpoint_steps) < 1:
            raise ConfigurationError("epochs, batch, layers, rank and checkpoint_steps must be at least 1")
        if not (self.learning_rate > 0 and self.clip > 0 and 0 <= self.warm_up < 1 and 0 <= self.ema < 1):
            raise ConfigurationError("learning_rate and clip must be above 0, warm_up and ema in [0, 1)")
