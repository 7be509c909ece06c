"""What all strategies share that train the encoder: a tower with a growing linear head, batches, and a buffer."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..buffer.base import Buffer, Limits
from ..buffer.item import Item
from ..buffer.reservoir import ReservoirBuffer
from ..training.batches import by_length
from ..training.events import Events
from ..training.tower import Tower
from ..training.trainer import Trainer
from .strategy import Report, Scores, Strategy, StrategyOptions, Task

NEVER = -1e9


class Network(nn.Module):
    """Tower and head. The head's rows begin at the mean embedding of their label's texts: better than at random.

    Args:
        tower: Embeds.
        scale: Embeddings are multiplied by it.
    """

    def __init__(self, tower: Tower, scale: float) -> None:
        super().__init__()
        self.tower = tower
        self.scale = scale
        dimensions = tower.base.encoder.dimensions
        self.head = _linear(torch.zeros(0, dimensions, device=tower.device), torch.zeros(0, device=tower.device))

    def forward(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Logits, shape (texts, labels), and embeddings, shape (texts, dimensions)."""
        embeddings = self.tower.embed_batch(texts)
        return self.logits(embeddings), embeddings

    def logits(self, embeddings: Tensor) -> Tensor:
        """Of embeddings; float32 in whatever precision the tower runs."""
        with torch.autocast(embeddings.device.type, enabled=False):
            logits: Tensor = self.head(self.scale * embeddings.float())
        return logits

    @torch.no_grad()
    def grow(self, means: Tensor) -> None:
        """Add a row for each new label: its mean embedding, shape (new, dimensions)."""
        rows = nn.functional.normalize(means.to(self.head.weight), dim=-1)
        known, bias = self.head.weight, self.head.bias
        start = bias.mean() if len(bias) else bias.new_zeros(())
        self.head = _linear(torch.cat([known, rows]), torch.cat([bias, start.expand(len(rows))]))


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """A batch: texts, and the ids of their labels as int64 of shape (texts,)."""

    texts: list[str]
    ids: Tensor

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, slots=True, eq=False)
class Replayed(Examples):
    """A batch from the buffer, with what the model made of it when it came in.

    Attributes:
        logits: Shape (texts, labels), `NEVER` for labels that were not known then.
        embeddings: Shape (texts, dimensions).
    """

    logits: Tensor
    embeddings: Tensor


class Tuned(Strategy):
    """Trains tower and head on each task in turn; what a strategy adds is in `loss`, `before` and `after`.

    Args:
        tower: To be trained.
        options: Of the strategy.
        buffer: For replay; without it a plain reservoir of `options.buffer` texts.

    Attributes:
        folder: Where training keeps its checkpoint, to be resumed after a kill; None: nowhere.
        events: Told the losses; None: nobody is.
    """

    def __init__(self, tower: Tower, options: StrategyOptions, buffer: Buffer | None = None) -> None:
        super().__init__()
        self.options = options
        self.training = options.training
        self.network = Network(tower, options.scale)
        limits = Limits(items=options.buffer)
        self.buffer = buffer or ReservoirBuffer(limits=limits, seed=self.training.seed)
        self.new_ids = torch.zeros(0, dtype=torch.long)
        self.known = 0
        self.replayed: list[Item] = []
        self.folder: Path | None = None
        self.events: Events | None = None
        self._tasks = 0

    def loss(self, new: Examples, generator: torch.Generator) -> Tensor:  # noqa: ARG002 - for those that draw
        """Of a batch of the task's texts."""
        logits, _ = self.network(new.texts)
        return nn.functional.cross_entropy(logits, new.ids)

    def before(self, task: Task) -> None:
        """Called when the head has rows for the task's labels, before training."""

    def after(self, task: Task) -> None:
        """Called when training has ended."""

    def learn(self, task: Task, report: Report) -> None:
        """Train on the task's texts, with what the strategy adds."""
        ids = self._grow(task)
        self.replayed = self.buffer.items()
        self.before(task)
        self.train(task.texts, ids, self.training.epochs, report)
        self.after(task)
        self._tasks += 1

    def remember(self, task: Task) -> None:
        """Take a task for known, without training: the encoder had learned it before."""
        self._grow(task)
        self.store(task)
        self._tasks += 1

    def train(self, texts: Sequence[str], ids: np.ndarray, epochs: int, report: Report) -> None:
        """Run the trainer over texts with the ids of their labels."""
        lengths = self.network.tower.base.lengths(texts)
        options = replace(self.training, epochs=epochs, seed=self.training.seed * 1000 + self._tasks)

        def batches(epoch: int) -> list[Examples]:
            chosen = by_length(lengths, options.batch, options.seed * 1000 + epoch)
            return [Examples([texts[i] for i in rows], self._tensor(ids[rows])) for rows in chosen]

        Trainer(
            self.network,
            self.groups(),
            options,
            batches=batches,
            loss=self.loss,
            folder=self.folder,
            events=self.events,
            report=report,
        ).run()

    def groups(self) -> list[dict[str, object]]:
        """Parameters with their learning rates."""
        rate = self.training.learning_rate
        groups: list[dict[str, object]] = [
            {"params": list(self.network.head.parameters()), "lr": rate * self.training.head_factor}
        ]
        if self.training.tuning != "head":
            groups.append({"params": self.network.tower.tuned(), "lr": rate})
        return groups

    def replay(self, count: int, generator: torch.Generator) -> Replayed | None:
        """Texts from the buffer as it was when the task began; None while it is empty."""
        if not self.replayed:
            return None
        rows = torch.randint(len(self.replayed), (count,), generator=generator).tolist()
        items = [self.replayed[row] for row in rows]
        logits = np.full((count, len(self.labels)), NEVER, np.float32)
        for row, item in enumerate(items):
            logits[row, : len(item.logits)] = item.logits
        ids = self._tensor(self.ids([item.label for item in items]))
        embeddings = torch.from_numpy(np.stack([item.embedding for item in items]))
        device = self.training.device
        texts = [item.text for item in items]
        return Replayed(texts, ids, torch.from_numpy(logits).to(device), embeddings.to(device))

    def store(self, task: Task) -> None:
        """Offer the task's texts to the buffer, with what the model makes of them now."""
        embeddings = self.network.tower.embed(task.texts)
        logits = self._logits(embeddings)
        make = partial(Item, task=task.name, user="", model=str(self._tasks), time=self._tasks)
        self.buffer.add(
            make(id=f"{self._tasks}-{row:06}", text=text, label=label, logits=logits[row], embedding=embeddings[row])
            for row, (text, label) in enumerate(zip(task.texts, task.labels, strict=True))
        )

    def copy(self) -> Network:
        """The network as it is, which does not learn any more."""
        return copy.deepcopy(self.network).requires_grad_(False)

    def scores(self, texts: Sequence[str]) -> Scores:
        """The head's logits."""
        return self._logits(self.network.tower.embed(texts))

    @torch.no_grad()
    def _logits(self, embeddings: np.ndarray) -> Scores:
        scores: Scores = self.network.logits(torch.from_numpy(embeddings).to(self.training.device)).cpu().numpy()
        return scores

    def _grow(self, task: Task) -> np.ndarray:
        self.known = known = len(self.labels)
        ids = self.ids(task.labels)
        self.new_ids = self._tensor(np.unique(ids))
        new = range(known, len(self.labels))
        if new:
            embeddings = torch.from_numpy(self.network.tower.embed(task.texts))
            self.network.grow(torch.stack([embeddings[ids == label].mean(0) for label in new]))
        return ids

    def _tensor(self, ids: np.ndarray) -> Tensor:
        return torch.from_numpy(ids.astype(np.int64)).to(self.training.device)


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """With these weights, so that nothing random is drawn."""
    layer = nn.Linear(1, 1, device="meta")
    layer.out_features, layer.in_features = weight.shape
    layer.weight, layer.bias = nn.Parameter(weight), nn.Parameter(bias)
    return layer


def only(logits: Tensor, ids: Tensor) -> Tensor:
    """Logits with all labels but `ids` out of the race."""
    mask = torch.full_like(logits, NEVER)
    mask[:, ids] = 0.0
    return logits + mask


def distillation(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Kullback-Leibler divergence of softened logits (Hinton et al., 2015), over the labels that the teacher knows."""
    known = teacher > NEVER / 2
    soft = nn.functional.log_softmax(teacher / temperature, dim=1)
    own = nn.functional.log_softmax(student.masked_fill(~known, NEVER) / temperature, dim=1)
    return ((soft.exp() * (soft - own)).masked_fill(~known, 0.0).sum(1) * temperature**2).mean()
