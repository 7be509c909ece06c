"""The class-balanced reservoir: each label keeps its share, and newer texts are likelier to stay than old ones."""

import math
from pathlib import Path

from ...schemas.errors import ConfigurationError
from .base import Buffer, Limits
from .item import Item


class BalancedBuffer(Buffer):
    """Items go from the label that has most; within a label they are a sample weighted by age.

    Balanced as in CBRS (Chrysakis and Moens, ICML 2020), so that a rare label is not crowded out. Weights decay forward
    (Cormode et al., ICDE 2009): `w = 2^(time / half-life)` is fixed at insertion, and an item stays with a probability
    that falls by half each half-life in comparison with new ones. Drawn as exponential races (Efraimidis and Spirakis,
    2006): the rank is `E / w` with E exponential, kept as a logarithm because w grows without bound.

    Args:
        path: As for every buffer.
        limits: As for every buffer.
        seed: As for every buffer.
        half_life: In seconds; infinite: age does not matter.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        limits: Limits | None = None,
        seed: int = 0,
        half_life: float = math.inf,
    ) -> None:
        if half_life <= 0:
            raise ConfigurationError(f"a half-life must be above 0 seconds, found {half_life}")
        self.half_life = half_life
        super().__init__(path, limits=limits, seed=seed)

    def group(self, item: Item) -> str:
        """Its label, within its task."""
        return f"{item.task}\0{item.label}"

    def rank(self, item: Item, chance: float) -> float:
        """`log(E / w)`."""
        return math.log(-math.log(chance)) - math.log(2) * (item.time / 1000) / self.half_life
