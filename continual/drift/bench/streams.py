"""Streams with one known change, or none."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ....inference.embedder import Embeddings
from ..rows import Rows
from .data import Scene

WITHIN = 1000  # texts after the change in which it must be noticed
SLOW = 3000  # texts over which the mix changes
SHARES = (2, 5, 10, 20)  # per cent of texts of the new domain

Change = Literal["2", "5", "10", "20", "mix", "labels", "encoder"]


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """Texts, and where they change.

    Attributes:
        rows: What workers note.
        embeddings: Of the texts, shape (n, d): for detectors that need them.
        at: The first text after the change; n where there is none.
        errors: Of labels: before and after the change; empty where the stream has none.
    """

    rows: Rows
    embeddings: Embeddings
    at: int
    errors: tuple[NDArray[np.uint8], NDArray[np.uint8]] = (np.zeros(0, np.uint8), np.zeros(0, np.uint8))


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """One draw: which texts are the reference, and which the streams are drawn from. None is both."""

    scene: Scene
    reference: NDArray[np.intp]
    rest: NDArray[np.intp]
    random: np.random.Generator

    @classmethod
    def draw(cls, scene: Scene, reference: int, seed: int) -> "Cast":
        """Shuffle the known texts."""
        random = np.random.default_rng(seed)
        order = random.permutation(scene.known)
        return cls(scene, order[:reference], order[reference:], random)

    def quiet(self) -> Stream:
        """All texts that are not in the reference, each once: nothing changes."""
        return self._stream(self.rest, len(self.rest))

    def changed(self, change: Change, before: int) -> Stream:
        """A stream that changes after `before` texts."""
        if change == "mix":
            return self._mix(before)
        rows = self.random.choice(self.rest, before + WITHIN)
        if change == "labels":
            return self._labels(rows, before)
        if change == "encoder":
            return self._encoder(rows, before)
        new = np.arange(len(rows)) >= before
        new &= self.random.random(len(rows)) < int(change) / 100
        return self._stream(np.where(new, self.random.choice(self.scene.new, len(rows)), rows), before)

    def _mix(self, before: int) -> Stream:
        """15 of 135 known intents grow from 11 to 40 % of the traffic, slowly."""
        labels = self.scene.texts.labels
        favoured = self.random.permutation(np.unique(labels[self.rest]))[:15]
        some = self.rest[np.isin(labels[self.rest], favoured)]
        ramp = np.clip((np.arange(before + SLOW) - before) / SLOW, 0, 1) * 0.33
        taken = self.random.random(len(ramp)) < ramp
        rows = np.where(taken, self.random.choice(some, len(ramp)), self.random.choice(self.rest, len(ramp)))
        return self._stream(rows, before)

    def _labels(self, rows: NDArray[np.intp], before: int) -> Stream:
        """A fifth of the labels becomes a random one; every text has a label here."""
        asked = self.random.choice(self.rest, 2 * WITHIN)
        labels = self.scene.texts.labels[asked].copy()
        noisy = np.flatnonzero((np.arange(len(asked)) >= WITHIN) & (self.random.random(len(asked)) < 0.2))
        labels[noisy] = self.random.choice(np.unique(labels), len(noisy))
        errors = self.scene.wrong(asked, labels)
        whole = self._stream(rows, before)
        return Stream(whole.rows, whole.embeddings, before, (errors[:WITHIN], errors[WITHIN:]))

    def _encoder(self, rows: NDArray[np.intp], before: int) -> Stream:
        """Another encoder answers under the old name: a random linear map, cosine about 0.9 to what was."""
        vectors = self.scene.texts.embeddings[rows].copy()
        vectors[before:] = exchanged(vectors[before:])
        return Stream(self.scene.notes(rows, embeddings=vectors), vectors, before)

    def _stream(self, rows: NDArray[np.intp], at: int) -> Stream:
        return Stream(self.scene.notes(rows), self.scene.texts.embeddings[rows], at)


def exchanged(vectors: Embeddings) -> Embeddings:
    """What another encoder says of the same texts, always the same one."""
    d = vectors.shape[1]
    noise = np.random.default_rng(7).normal(size=(d, d)).astype(np.float32) * np.float32(0.5 / d**0.5)
    moved = vectors + vectors @ noise
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), dtype=np.float32)
