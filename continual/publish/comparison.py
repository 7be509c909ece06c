"""Champion and candidate on the same texts: does the candidate answer, as fast, and what does it say?"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from ...inference.embedder import Embedder, Embeddings
from ...inference.heads import Head
from ...schemas.errors import ConfigurationError, InferenceUnavailableError

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowLimits:
    """What a candidate may do at most beside the champion.

    Attributes:
        failures: Share of its calls that fail.
        latency: Its median time for a call, as a multiple of the champion's.
        latency_floor: Medians below this many seconds are quick enough, whatever the champion's.
        agreement: Share of texts on which the leading labels are the same, at least; a better model differs, a broken
            one has nothing in common.
        texts: As many are needed for a verdict.
    """

    failures: float = 0.0
    latency: float = 2.0
    latency_floor: float = 0.05
    agreement: float = 0.3
    texts: int = 32


@dataclass(slots=True)
class _Side:
    """What one of the two did."""

    embedder: Embedder
    heads: Mapping[str, Head]
    seconds: list[float] = field(default_factory=list)
    failures: int = 0

    async def answer(self, texts: Sequence[str]) -> Embeddings | None:
        begun = time.perf_counter()
        try:
            rows = await self.embedder.embed(texts)
        except (InferenceUnavailableError, ConfigurationError):
            self.failures += 1
            return None
        if not np.isfinite(rows).all():
            self.failures += 1
            return None
        self.seconds.append(time.perf_counter() - begun)
        return rows

    def latency(self, quantile: float) -> float:
        return float(np.quantile(self.seconds, quantile)) if self.seconds else float("inf")


class Comparison:
    """Asks both, batch by batch, and keeps count.

    Args:
        champion, candidate: Each with its heads by task.
    """

    def __init__(
        self, champion: tuple[Embedder, Mapping[str, Head]], candidate: tuple[Embedder, Mapping[str, Head]]
    ) -> None:
        self._champion, self._candidate = _Side(*champion), _Side(*candidate)
        self._texts = self._calls = 0
        self._same: dict[str, int] = dict.fromkeys(self._shared(), 0)
        self._compared = 0

    async def update(self, texts: Sequence[str]) -> None:
        """Ask both about a batch, one after the other: two at once would slow each other down.

        Raises:
            InferenceUnavailableError: Neither answers, which says nothing about the candidate.
        """
        ours, theirs = await self._champion.answer(texts), await self._candidate.answer(texts)
        if ours is None and theirs is None:
            raise InferenceUnavailableError("neither the champion nor the candidate answers: try again later")
        self._texts += len(texts)
        self._calls += 1
        if ours is None or theirs is None:
            return
        self._compared += len(texts)
        for task in self._same:
            self._same[task] += int(
                (_leading(self._champion, task, ours) == _leading(self._candidate, task, theirs)).sum()
            )

    @property
    def figures(self) -> dict[str, float]:
        """What was seen: texts, share of failed calls, quantiles of the time for a call, agreement by task."""
        figures: dict[str, float] = {"texts": self._texts, "calls": self._calls}
        for name, side in (("champion", self._champion), ("candidate", self._candidate)):
            figures[f"{name}_failures"] = side.failures / max(1, self._calls)
            if side.seconds:
                figures |= {f"{name}_p50": side.latency(0.5), f"{name}_p95": side.latency(0.95)}
        if self._compared:
            figures |= {f"agreement_{task}": same / self._compared for task, same in self._same.items()}
        return figures

    def objection(self, limits: ShadowLimits) -> str | None:
        """Why the candidate must not go on, or None."""
        figures = self.figures
        if figures["candidate_failures"] > max(limits.failures, figures["champion_failures"]):
            return f"{figures['candidate_failures']:.1%} of its calls failed"
        if self._compared < limits.texts:
            return f"only {self._compared} texts were compared, {limits.texts} are needed"
        slow = self._candidate.latency(0.5)
        if slow > max(limits.latency_floor, limits.latency * self._champion.latency(0.5)):
            return f"it took {1000 * slow:.0f} ms a call, the champion {1000 * self._champion.latency(0.5):.0f} ms"
        for task in self._same:
            if (agreement := figures[f"agreement_{task}"]) < limits.agreement:
                return f"it agrees with the champion on {agreement:.0%} of the {task} labels only"
        return None

    def _shared(self) -> list[str]:
        """Tasks whose leading labels can be compared: both have a head, with more than one label."""
        both = self._champion.heads.keys() & self._candidate.heads.keys()
        return sorted(task for task in both if len(self._champion.heads[task].labels) > 1)


def _leading(side: _Side, task: str, rows: Embeddings) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    """The id of the leading label of each text, -1 for "none of them"."""
    scores = side.heads[task].scores(rows)
    best = scores.argmax(axis=1)
    none = scores.sum(axis=1) < 0.5
    return np.where(none, -1, best)
