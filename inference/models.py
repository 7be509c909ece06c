"""What a worker knows besides the encoder: the codebook and the heads, as one snapshot that is swapped whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..schemas.errors import ArtefactError
from .codebook import Codebook
from .embedder import Embeddings
from .heads import Head
from .spaces import Way

# Tasks whose labels are kept in profiles. Stored label ids depend on the order: append, never reorder.
LABEL_TASKS: tuple[str, ...] = ("interest", "intent")
SENTIMENT = "sentiment"
_IDS_PER_TASK = 4096


@dataclass(frozen=True, slots=True)
class Understanding:
    """What t texts say. L labels, D stored dimensions.

    Attributes:
        label_ids: Ascending, shape (L,).
        scores: What each text adds to each label, shape (t, L).
        polarity: -1 to 1, shape (t,).
        vectors: Projected embeddings, shape (t, D).
        codes: Nearest code of the codebook, shape (t,).
        novelty: 1 - cosine to that code, shape (t,).
    """

    label_ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    polarity: NDArray[np.float64]
    vectors: NDArray[np.float32]
    codes: NDArray[np.int64]
    novelty: NDArray[np.float64]

    def take(self, texts: NDArray[np.int64]) -> "Understanding":
        """That of some of the texts, in this order, also several times; shape (k,)."""
        return Understanding(
            label_ids=self.label_ids,
            scores=self.scores[texts],
            polarity=self.polarity[texts],
            vectors=self.vectors[texts],
            codes=self.codes[texts],
            novelty=self.novelty[texts],
        )


@dataclass(frozen=True, slots=True)
class ModelSet:
    """The codebook of an encoder, and heads that read its embeddings, by task. An unknown task is simply not told.

    Attributes:
        codebook: Of the encoder.
        heads: By task.
        ways: What carries stored vectors of other encoders into this one's space, by their names.
    """

    codebook: Codebook
    heads: Mapping[str, Head] = field(default_factory=dict)
    ways: Mapping[str, Way] = field(default_factory=dict)

    @property
    def encoder(self) -> str:
        """The encoder that all of it belongs to."""
        return self.codebook.encoder

    @property
    def dimensions(self) -> int:
        """Length of its embeddings."""
        return int(self.codebook.codes.shape[1])

    def with_head(self, head: Head) -> Self:
        """The same, with a newer head for its task.

        Raises:
            ArtefactError: The head reads another encoder's embeddings, or forgot labels that profiles may hold.
        """
        if head.encoder != self.encoder:
            raise ArtefactError(f"the {head.task} head was made for {head.encoder}, not for {self.encoder}")
        known = self.heads[head.task].labels if head.task in self.heads else ()
        if head.labels[: len(known)] != known:
            raise ArtefactError(f"the {head.task} head's labels do not begin with those in use: ids must stay")
        return replace(self, heads={**self.heads, head.task: head})

    def label_name(self, label_id: int) -> tuple[str, str]:
        """Task and label of a stored id; a number stands for a label whose head is not loaded."""
        task, index = LABEL_TASKS[label_id // _IDS_PER_TASK], label_id % _IDS_PER_TASK
        head = self.heads.get(task)
        return task, head.labels[index] if head and index < len(head.labels) else f"#{index}"

    def understand(self, embeddings: Embeddings) -> Understanding:
        """Apply everything to embeddings, shape (t, d)."""
        heads = [self.heads[task] for task in LABEL_TASKS if task in self.heads]
        ids = [LABEL_TASKS.index(head.task) * _IDS_PER_TASK + np.arange(len(head.labels)) for head in heads]
        scores = [head.scores(embeddings) for head in heads]
        codes, cosines = self.codebook.assign(embeddings)
        sentiment = self.heads.get(SENTIMENT)
        polarity = sentiment.polarity(embeddings) if sentiment else np.zeros(len(embeddings))
        return Understanding(
            label_ids=np.concatenate([np.zeros(0, np.int64), *ids]),
            scores=np.concatenate([np.zeros((len(embeddings), 0), np.float32), *scores], axis=1),
            polarity=polarity.astype(np.float64),
            vectors=self.codebook.project(embeddings),
            codes=codes.astype(np.int64),
            novelty=1.0 - cosines.astype(np.float64),
        )
