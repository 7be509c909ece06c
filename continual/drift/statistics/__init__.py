"""How far a window is from the reference: each statistic is one class, and larger means further.

base.py         what a statistic is
novelty.py      mean novelty: content far from all codes
tail.py         share of texts more novel than 95 % of the reference: a few texts of a new kind
confidence.py   share of texts about which the heads are less sure than about 95 % of the reference
stability.py    population stability index over the codes: the mix of known topics

To add one: a class with the four members of `Statistic`, in `STATISTICS`; the conformance tests then run on it.
"""

from .base import Statistic
from .confidence import ConfidenceTail
from .novelty import MeanNovelty
from .stability import PopulationStability
from .tail import NoveltyTail

STATISTICS: tuple[Statistic, ...] = (MeanNovelty(), NoveltyTail(), ConfidenceTail(), PopulationStability())

__all__ = ["STATISTICS", "ConfidenceTail", "MeanNovelty", "NoveltyTail", "PopulationStability", "Statistic"]
