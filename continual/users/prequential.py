"""Test, then train, with the truth that comes late: a prediction when a user falls silent, the answer within a day.

Everything follows event time, so a replay gives what the stream would have given. Nothing is learned before it could
have been known: a user who does not return is learned a day after the last event (delayed prequential evaluation:
Grzenda, Gomes & Bifet, Data Mining and Knowledge Discovery 2020).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush

from river import metrics

from .baselines import Predictor
from .habits import DAY, Habits

PAUSE = 30 * 60_000.0  # ms of silence that end a session


@dataclass(slots=True)
class Score:
    """How good one predictor's predictions were.

    Attributes:
        auc: Odds that a user who returns was given a higher number than one who does not; to 1/100.
        loss: Mean of -ln of the probability that was given to what happened.
    """

    auc: metrics.ROCAUC = field(default_factory=lambda: metrics.ROCAUC(n_thresholds=100))
    loss: metrics.LogLoss = field(default_factory=metrics.LogLoss)

    def update(self, returned: bool, told: float) -> None:
        """A prediction met its truth."""
        self.auc.update(returned, told)
        self.loss.update(returned, told)


@dataclass(slots=True)
class _Open:
    last: float
    features: dict[str, float]
    told: dict[str, float]


class Returns:
    """Follows a stream of events, in order of time, and lets predictors predict and learn.

    Args:
        predictors: By name.
        warm_up: So many truths are learned but not scored, as every predictor starts with nothing.
        horizon: Coming back within so many ms counts.
        pause: Ms of silence that end a session.

    Attributes:
        scores: By predictor.
        decided: Predictions that met their truth.
        returned: Of these, how many users returned.
    """

    def __init__(
        self,
        predictors: Mapping[str, Predictor],
        *,
        warm_up: int = 0,
        horizon: float = DAY,
        pause: float = PAUSE,
    ) -> None:
        self.scores = {name: Score() for name in predictors}
        self.decided = 0
        self.returned = 0
        self._predictors = predictors
        self._warm_up = warm_up
        self._horizon = horizon
        self._pause = pause
        self._users: dict[str, Habits] = {}
        self._open: dict[str, _Open] = {}
        self._silences: list[tuple[float, str, float]] = []  # when to look, at whom, the event that it was about

    def event(self, user: str, time: float, words: int = 0) -> None:
        """A user did something at `time`, in ms, not before the event before."""
        self.advance(time)
        waiting = self._open.pop(user, None)
        if waiting:
            self._decide(waiting, returned=True)
        habits = self._users.setdefault(user, Habits(time, time, time))
        habits.event(time, words, self._pause)
        heappush(self._silences, (time + self._pause, user, time))

    def advance(self, time: float) -> None:
        """It is `time` now: who fell silent is predicted, who stayed away too long has not returned."""
        while self._silences and self._silences[0][0] < time:
            due, user, about = heappop(self._silences)
            waiting = self._open.get(user)
            if waiting and waiting.last == about:
                del self._open[user]
                self._decide(waiting, returned=False)
            elif self._users[user].last == about:
                self._predict(user, due)
                heappush(self._silences, (about + self._horizon, user, about))

    def _predict(self, user: str, now: float) -> None:
        habits = self._users[user]
        features = habits.features(now)
        told = {name: predictor.predict(features) for name, predictor in self._predictors.items()}
        self._open[user] = _Open(habits.last, features, told)

    def _decide(self, waiting: _Open, *, returned: bool) -> None:
        self.decided += 1
        self.returned += returned
        for name, predictor in self._predictors.items():
            if self.decided > self._warm_up:
                self.scores[name].update(returned, waiting.told[name])
            predictor.learn(waiting.features, returned)
