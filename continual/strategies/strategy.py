"""The interface of all strategies."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..training.options import TrainingOptions

Report = Callable[[int, int], None]
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is learned at a time.

    Attributes:
        name: E.g. a domain.
        texts: To learn from.
        labels: Of the texts.
    """

    name: str
    texts: Sequence[str]
    labels: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyOptions:
    """What strategies have to decide beside how to train.

    Attributes:
        training: How to train.
        buffer: Most texts that are kept for replay.
        features: Random features of the ridge regression, beside the embedding.
        scale: Embeddings of unit length are multiplied by it before the head.
        alpha: DER++: weight of the stored logits.
        beta: DER++: weight of the stored labels.
        ewc: EWC: weight of the penalty.
        ewc_decay: EWC: what is left of the older importance with each task.
        distillation: LwF and ours: weight of the logits from before.
        temperature: LwF and ours: of that distillation.
        embedding: Ours: weight of `1 - cos(new, champion)`.
        ridge: Ours: weight of the head in closed form beside the trained one.
        joint_epochs: Passes of joint training over everything.
    """

    training: TrainingOptions = field(default_factory=TrainingOptions)
    buffer: int = 1000
    features: int = 4096
    scale: float = 20.0
    alpha: float = 0.3
    beta: float = 1.0
    ewc: float = 1000.0
    ewc_decay: float = 0.9
    distillation: float = 1.0
    temperature: float = 2.0
    embedding: float = 5.0
    ridge: float = 20.0
    joint_epochs: int = 5


class Strategy(ABC):
    """Learns tasks in turn, each with labels of its own, and tells all labels apart (class-incremental learning)."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    @property
    def labels(self) -> tuple[str, ...]:
        """Known so far, in the order of the columns of `scores`."""
        return tuple(self._ids)

    @abstractmethod
    def learn(self, task: Task, report: Report) -> None:
        """Learn a task; its texts cannot be asked for again, but for those that a buffer keeps.

        Args:
            task: New texts, of new labels or of known ones.
            report: Told steps done and in all.
        """

    @abstractmethod
    def scores(self, texts: Sequence[str]) -> Scores:
        """One row a text and one column a label; the highest is the answer."""

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The likeliest label of each text."""
        labels = self.labels
        return [labels[index] for index in self.scores(texts).argmax(axis=1)]

    def ids(self, labels: Sequence[str]) -> NDArray[np.intp]:
        """Of known labels; new ones get the next ids."""
        return np.array([self._ids.setdefault(label, len(self._ids)) for label in labels], dtype=np.intp)
