"""The trainer of the update job: the strategy `ours`, from the champion's weights, in the memory of what it knew."""

import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from ...inference.embedder import Embeddings
from ...inference.encoder import Encoder, load_encoder
from ...schemas.errors import ArtefactError
from ..strategies.ours import Ours
from ..strategies.strategy import StrategyOptions, Task
from ..training.events import Events, TensorBoard
from ..training.options import TrainingOptions
from ..training.tower import Tower, base_for
from .lessons import Lesson
from .ports import Progress

_EMBEDDED = 64
TRAINING = "training"
"""Beside the new encoder: the checkpoint of a training that goes on, and what TensorBoard shows of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningOptions:
    """How to fine-tune.

    Attributes:
        training: See there; the defaults train the two topmost layers.
        replayed: Most old texts that are replayed beside the new ones.
        embedding: Weight of `1 - cos` to the champion's embedding, which keeps stored vectors where they are.
        threads: Of torch.
    """

    training: TrainingOptions = field(default_factory=lambda: TrainingOptions(checkpoint_steps=50))
    replayed: int = 1000
    embedding: float = 20.0
    threads: int = 2


class FineTuner:
    """See `ports.Trainer`.

    Args:
        options: How to fine-tune.
    """

    def __init__(self, options: TuningOptions | None = None) -> None:
        self._options = options or TuningOptions()

    def train(
        self, source: Path, lessons: Sequence[Lesson], new: frozenset[tuple[str, str]], target: Path, progress: Progress
    ) -> dict[str, float]:
        """See `ports.Trainer`; one that was killed goes on from its last checkpoint, beside the target."""
        torch.set_num_threads(self._options.threads)
        labels = [f"{lesson.task}/{lesson.label}" for lesson in lessons]
        fresh = np.array([(lesson.task, lesson.label) in new for lesson in lessons])
        texts = [lesson.text for lesson in lessons]
        folder = target.with_name(TRAINING)
        with closing(TensorBoard(folder)) as events:
            tuned = tune(load_encoder(source), texts, labels, fresh, self._options, progress, folder, events)
        save_encoder(tuned, source, target)
        return {"labels": len(set(labels)), "new": int(fresh.sum()), "replayed": int((~fresh).sum())}

    def embed(self, folder: Path, texts: Sequence[str]) -> Embeddings:
        """See `ports.Trainer`."""
        return embed(load_encoder(folder), texts)


def tune(
    champion: Encoder,
    texts: Sequence[str],
    labels: Sequence[str],
    new: NDArray[np.bool_],
    options: TuningOptions,
    progress: Progress = lambda _done, _of: None,
    folder: Path | None = None,
    events: Events | None = None,
) -> Encoder:
    """A fine-tuned copy: new texts are learned while old ones are replayed; all of them where there are no new ones.

    Args:
        champion: It stays as it is.
        texts: n of them.
        labels: n of them.
        new: Which texts have a label that the champion was not trained on, shape (n,).
        options: How.
        progress: Told steps done and in all.
        folder: For the checkpoint, from which the same call goes on.
        events: Told the losses.

    Raises:
        ArtefactError: The loss is not finite, or the checkpoint is damaged.
    """
    # The head that the strategy keeps beside the network is not used: heads are fitted anew on the exported encoder.
    strategy_options = StrategyOptions(
        training=options.training, buffer=options.replayed, features=1, embedding=options.embedding
    )
    tower = Tower(base_for(champion, options.training), options.training)
    strategy = Ours(tower, strategy_options)
    strategy.folder, strategy.events = folder, events
    fresh, old = np.flatnonzero(new).tolist(), np.flatnonzero(~new).tolist()
    if len(fresh) and len(old):
        strategy.remember(Task(name="old", texts=[texts[n] for n in old], labels=[labels[n] for n in old]))
    rows = fresh if len(fresh) else old
    strategy.learn(Task(name="new", texts=[texts[n] for n in rows], labels=[labels[n] for n in rows]), progress)
    return tower.encoder()


def save_encoder(encoder: Encoder, source: Path, target: Path) -> None:
    """Write weights in the layout of the folder that they were trained from.

    Raises:
        ArtefactError: It cannot be written.
    """
    try:
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("model.safetensors"))
        state = {name: value.contiguous() for name, value in encoder.module.transformer.state_dict().items()}
        save_file(state, target / "model.safetensors", metadata={"format": "pt"})
    except OSError as error:
        raise ArtefactError(f"cannot write {target}: {error.strerror or error}. Free some disk space there.") from error


def embed(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Embeddings in batches of texts of about the same length, shape (len(texts), d)."""
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    rows = np.zeros((len(texts), encoder.dimensions), np.float32)
    for start in range(0, len(order), _EMBEDDED):
        some = order[start : start + _EMBEDDED]
        rows[some] = encoder.embed([texts[row] for row in some])
    return rows
