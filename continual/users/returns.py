"""Will this user come back within a day? Logistic regression on scaled features, learned user by user (river)."""

import json
from collections import Counter, defaultdict
from typing import Any

from river import linear_model, optim, preprocessing, utils

from ...inference.artefacts import need_value
from ...schemas.errors import ArtefactError

_KIND = "model of returns"
_FARTHEST = 3.0  # standard deviations


class ReturnModel:
    """An online model of whether a user returns.

    Args:
        rate: Step of stochastic gradient descent (Robbins & Monro, 1951).
        penalty: On the squared weights.
    """

    def __init__(self, *, rate: float = 0.005, penalty: float = 1e-3) -> None:
        self._scale = preprocessing.StandardScaler()
        self._odds = linear_model.LogisticRegression(optim.SGD(rate), l2=penalty, intercept_lr=4 * rate)
        self.learned = 0

    def predict(self, features: dict[str, float]) -> float:
        """How likely this user returns, 0 to 1; one half before anything was learned."""
        return float(self._odds.predict_proba_one(self._scaled(features))[True])

    def learn(self, features: dict[str, float], returned: bool) -> None:
        """This is what became of a user with these features."""
        self._scale.learn_one(features)
        self._odds.learn_one(self._scaled(features), returned)
        self.learned += 1

    def weights(self) -> dict[str, float]:
        """By feature, in standard deviations: what speaks for a return."""
        return {name: float(weight) for name, weight in self._odds.weights.items()}

    def to_bytes(self) -> bytes:
        """JSON: numbers only, reading it runs nothing."""
        state = {
            "kind": _KIND,
            "learned": self.learned,
            "counts": dict(self._scale.counts),
            "means": dict(self._scale.means),
            "variances": dict(self._scale.vars),
            "weights": self.weights(),
            "intercept": float(self._odds.intercept),
        }
        return json.dumps(state, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes, *, rate: float = 0.005, penalty: float = 1e-3) -> "ReturnModel":
        """Read what `to_bytes` wrote.

        Raises:
            ArtefactError: It is something else, truncated or inconsistent.
        """
        try:
            state: dict[str, Any] = json.loads(data)
        except ValueError as error:
            raise ArtefactError(f"this is not a {_KIND} ({error}): learn it again") from error
        if not isinstance(state, dict) or state.get("kind") != _KIND:
            raise ArtefactError(f"this is not a {_KIND}: learn it again")
        model = cls(rate=rate, penalty=penalty)
        model.learned = need_value(_KIND, state, "learned", int)
        counts, means, variances, weights = (
            need_value(_KIND, state, name, dict) for name in ("counts", "means", "variances", "weights")
        )
        if not counts.keys() == means.keys() == variances.keys() >= weights.keys():
            raise ArtefactError(f"the {_KIND} names other features in one place than in another: learn it again")
        model._scale.counts = Counter(counts)
        model._scale.means = defaultdict(float, means)
        model._scale.vars = defaultdict(float, variances)
        model._odds._weights = utils.VectorDict(weights)  # noqa: SLF001  river gives weights out, but takes none
        model._odds.intercept = need_value(_KIND, state, "intercept", float)
        return model

    def _scaled(self, features: dict[str, float]) -> dict[str, float]:
        """In standard deviations, within bounds: the first user to differ from all before is no wonder."""
        scaled = self._scale.transform_one(features)
        return {name: min(max(value, -_FARTHEST), _FARTHEST) for name, value in scaled.items()}
