"""Strategies by name."""

from collections.abc import Callable

from ...schemas.errors import ConfigurationError
from ..training.base import FrozenBase
from ..training.tower import Tower
from .derpp import DarkReplay
from .er import ExperienceReplay
from .er_ace import AsymmetricReplay
from .ewc import ElasticWeights
from .frozen import frozen_lda, frozen_ridge
from .joint import Joint
from .lwf import LearningWithoutForgetting
from .naive import Naive
from .ours import Ours
from .strategy import Strategy, StrategyOptions

Make = Callable[[Tower, StrategyOptions], Strategy]

STRATEGIES: dict[str, Make] = {
    "naive": Naive,
    "joint": Joint,
    "frozen_lda": lambda tower, _options: frozen_lda(tower),
    "frozen_ridge": lambda tower, options: frozen_ridge(tower, options.features, options.training.seed),
    "er": ExperienceReplay,
    "er_ace": AsymmetricReplay,
    "derpp": DarkReplay,
    "ewc": ElasticWeights,
    "lwf": LearningWithoutForgetting,
    "ours": Ours,
}


def build(name: str, base: FrozenBase, options: StrategyOptions) -> Strategy:
    """A strategy that has learned nothing yet.

    Args:
        name: One of `STRATEGIES`.
        base: From `base_for` with the same options; it can be shared.
        options: Of the strategy; `options.training.seed` decides all that is random.

    Raises:
        ConfigurationError: There is no such strategy.
    """
    if name not in STRATEGIES:
        raise ConfigurationError(f"there is no strategy {name!r}; there are {', '.join(STRATEGIES)}")
    return STRATEGIES[name](Tower(base, options.training), options)
