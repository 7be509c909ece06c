"""What a model of returns has to beat."""

from collections.abc import Callable
from typing import Protocol

Features = dict[str, float]


class Predictor(Protocol):
    """Predicts, then learns the truth."""

    def predict(self, features: Features) -> float:
        """How likely this user returns, 0 to 1."""
        ...

    def learn(self, features: Features, returned: bool) -> None:
        """This is what became of a user with these features."""


class Rates:
    """The share that returned, of those alike.

    Args:
        alike: Names the group of a user.
    """

    def __init__(self, alike: Callable[[Features], str]) -> None:
        self._alike = alike
        self._returned: dict[str, float] = {}
        self._seen: dict[str, float] = {}

    def predict(self, features: Features) -> float:
        """See Predictor; by Laplace's rule of succession."""
        group = self._alike(features)
        return (self._returned.get(group, 0.0) + 1.0) / (self._seen.get(group, 0.0) + 2.0)

    def learn(self, features: Features, returned: bool) -> None:
        """See Predictor."""
        group = self._alike(features)
        self._returned[group] = self._returned.get(group, 0.0) + returned
        self._seen[group] = self._seen.get(group, 0.0) + 1.0


def base_rate() -> Rates:
    """The same for everybody."""
    return Rates(lambda _: "all")


def last_gap() -> Rates:
    """Who came back soon the last time comes back soon: by the last gap, in powers of two of hours."""
    return Rates(
        lambda features: "first" if features["first_session"] else str(round(features["last_gap_hours"] / 0.7))
    )
