"""The training loop, on one screen."""

import copy
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from ...schemas.errors import ArtefactError
from . import checkpoint
from .events import Events, NoEvents
from .options import TrainingOptions
from .schedule import rate_at

B = TypeVar("B")
Report = Callable[[int, int], None]


def silent(_done: int, _total: int) -> None:
    """Tell nobody."""


class Trainer(Generic[B]):
    """Trains the parameters that ask for gradients, with AdamW.

    Everything random comes from the options' seed and the number of the step, so a run that was killed and resumed ends
    in the same weights as one that was not.

    Args:
        model: Whatever `loss` uses; its state is what checkpoints hold.
        groups: Parameter groups of AdamW, each with its `lr`.
        options: How to train.
        batches: The batches of an epoch, the same whenever it is asked.
        loss: Of a batch; the generator is seeded by the step.
        validate: A score, the higher the better, after each epoch; the best weights are kept.
        folder: For the checkpoint; it is resumed from there, and removed at the end.
        events: Told the loss and the score.
        report: Told the steps done and in all.

    Raises:
        ArtefactError: The loss is not finite, or the checkpoint is of another model.
    """

    def __init__(
        self,
        model: nn.Module,
        groups: list[dict[str, Any]],
        options: TrainingOptions,
        *,
        batches: Callable[[int], Sequence[B]],
        loss: Callable[[B, torch.Generator], Tensor],
        validate: Callable[[], float] | None = None,
        folder: Path | None = None,
        events: Events | None = None,
        report: Report = silent,
    ) -> None:
        self.model, self.options = model, options
        self.batches, self.loss, self.validate = batches, loss, validate
        self.optimiser = torch.optim.AdamW(groups, weight_decay=options.weight_decay)
        self.rates = [group["lr"] for group in self.optimiser.param_groups]
        self.parameters = [parameter for group in self.optimiser.param_groups for parameter in group["params"]]
        # Averaged weights, and the best ones so far, are copies of the whole model: simple to keep and to restore.
        wanted = {"average": options.ema > 0, "best": validate is not None}
        self.copies = {name: copy.deepcopy(model) for name, needed in wanted.items() if needed}
        self.file = folder / "checkpoint.safetensors" if folder else None
        self.events, self.report = events or NoEvents(), report
        self.progress: dict[str, Any] = {"step": 0, "best": None, "waited": 0, "done": False}

    def run(self) -> dict[str, Any]:
        """Train to the end; the model then holds the best (or averaged, or last) weights. Returns the progress."""
        if self.file and self.file.exists():
            self.progress = checkpoint.load(self.file, self._parts(), self.optimiser)
        an_epoch = len(self.batches(0))
        total = an_epoch * self.options.epochs
        while (step := self.progress["step"]) < total and not self.progress["done"]:
            for batch in self.batches(step // an_epoch)[step % an_epoch :]:
                self._step(batch, total)
            self._end_epoch()
            self._save()
        self._keep()
        if self.file:
            self.file.unlink(missing_ok=True)
        return self.progress

    def _step(self, batch: B, total: int) -> None:
        step, options = self.progress["step"], self.options
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = rate * rate_at(step, total, options.warm_up)
        with self._precision():
            loss = self.loss(batch, torch.Generator().manual_seed(options.seed * 1_000_003 + step))
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.parameters, options.clip)
        if not torch.isfinite(norm):
            raise ArtefactError(
                f"training broke down at step {step}: the loss is {loss.item()}. Lower the learning rate."
            )
        self.optimiser.step()
        self._average()
        self.progress["step"] = step + 1
        self.events.scalar("loss", loss.item(), step)
        self.report(step + 1, total)
        if (step + 1) % options.checkpoint_steps == 0:
            self._save()

    def _end_epoch(self) -> None:
        if self.validate is None:
            return
        kept = self._parts()["average" if self.options.ema else "model"]
        score = self._score(kept, self.validate)
        self.events.scalar("validation", score, self.progress["step"])
        if self.progress["best"] is None or score > self.progress["best"]:
            self.progress |= {"best": score, "waited": 0}
            self.copies["best"].load_state_dict(kept.state_dict())
        else:
            self.progress["waited"] += 1
            self.progress["done"] = self.progress["waited"] == self.options.patience

    def _score(self, kept: nn.Module, validate: Callable[[], float]) -> float:
        present = copy.deepcopy(self.model.state_dict())
        self.model.load_state_dict(kept.state_dict())
        score = validate()
        self.model.load_state_dict(present)
        return score

    def _keep(self) -> None:
        if self.progress["best"] is not None:
            self.model.load_state_dict(self.copies["best"].state_dict())
        elif self.options.ema:
            self.model.load_state_dict(self.copies["average"].state_dict())

    @torch.no_grad()
    def _average(self) -> None:
        if not self.options.ema:
            return
        for average, present in zip(self.copies["average"].parameters(), self.model.parameters(), strict=True):
            average.lerp_(present, 1 - self.options.ema)

    def _save(self) -> None:
        if self.file:
            checkpoint.save(self.file, self._parts(), self.optimiser, self.progress)

    def _parts(self) -> dict[str, nn.Module]:
        return {"model": self.model, **self.copies}

    def _precision(self) -> AbstractContextManager[Any]:
        half = self.options.precision == "bfloat16"
        return torch.autocast(torch.device(self.options.device).type, dtype=torch.bfloat16, enabled=half)
