"""The model of returns: what it knows when, what it learns, and how it is kept."""

import json
import random

import pytest

from profilestream.continual.users.baselines import base_rate, last_gap
from profilestream.continual.users.habits import DAY, HOUR, Habits
from profilestream.continual.users.prequential import PAUSE, Returns
from profilestream.continual.users.returns import ReturnModel
from profilestream.schemas.errors import ArtefactError


class Notes:
    """A predictor that writes down what it was asked and told."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.told: list[bool] = []

    def predict(self, features: dict[str, float]) -> float:
        """One half."""
        self.asked.append(features["session_events"])
        return 0.5

    def learn(self, _features: dict[str, float], returned: bool) -> None:
        """Note it."""
        self.told.append(returned)


def test_a_user_is_predicted_when_silent_and_known_when_back_or_a_day_later() -> None:
    """No truth is told before the stream could have shown it, and none is missed."""
    notes = Notes()
    returns = Returns({"notes": notes})
    returns.event("ada", 0.0)
    returns.event("ada", PAUSE / 2)
    assert notes.asked == []
    returns.advance(2 * PAUSE)
    assert len(notes.asked) == 1
    assert notes.told == []
    returns.event("ada", 5 * HOUR)
    assert notes.told == [True]
    returns.event("bob", 5 * HOUR + DAY)  # not a day after ada's last event was over yet
    assert notes.told == [True]
    returns.event("bob", 5 * HOUR + DAY + 1)
    assert notes.told == [True, False]
    assert (returns.decided, returns.returned) == (2, 1)


def test_coming_back_a_day_late_is_not_coming_back() -> None:
    """The return itself begins a new session, that is predicted anew."""
    notes = Notes()
    returns = Returns({"notes": notes})
    returns.event("ada", 0.0)
    returns.event("ada", DAY + HOUR)
    assert notes.told == [False]
    returns.advance(DAY + 3 * HOUR)
    assert len(notes.asked) == 2


def weeks(seed: int) -> list[tuple[float, str]]:
    """Daily users, and others who come once in a while; in order of time."""
    rng = random.Random(seed)
    events = []
    for user in range(60):
        time, daily = rng.uniform(0, DAY), user % 2 == 0
        while time < 30 * DAY:
            events += [(time + at * 60_000, f"u{user}") for at in range(3)]
            time += rng.uniform(0.7, 0.95) * DAY if daily else rng.uniform(0.3, 6.0) * DAY
    return sorted(events)


def replayed(model: ReturnModel) -> Returns:
    """With the baselines beside it."""
    returns = Returns({"base": base_rate(), "gap": last_gap(), "model": model}, warm_up=50)
    for time, user in weeks(1):
        returns.event(user, time)
    return returns


def test_habits_tell_who_returns() -> None:
    """Better than the same number for everybody."""
    scores = replayed(ReturnModel()).scores
    assert scores["model"].auc.get() > 0.75
    assert scores["model"].loss.get() < scores["base"].loss.get() - 0.03


def test_a_kept_model_goes_on_as_if_it_had_not_stopped() -> None:
    """Its file is plain JSON, and predictions and learning go on from it."""
    model = ReturnModel()
    replayed(model)
    back = ReturnModel.from_bytes(model.to_bytes())
    habits = Habits(0.0, 0.0, 0.0)
    habits.event(0.0, 3, PAUSE)
    features = habits.features(PAUSE)
    for _ in range(3):
        assert back.predict(features) == pytest.approx(model.predict(features))
        model.learn(features, True)
        back.learn(features, True)
    assert back.to_bytes() == model.to_bytes()


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"kind": "head"}', b'{"kind": "model of returns", "learned": 1}'])
def test_a_damaged_model_is_refused(damage: bytes) -> None:
    """Nothing but a model is taken for one."""
    with pytest.raises(ArtefactError):
        ReturnModel.from_bytes(damage)


def test_a_model_whose_parts_do_not_fit_is_refused() -> None:
    """Scales of other features than the weights' would go unnoticed otherwise."""
    model = ReturnModel()
    replayed(model)
    state = json.loads(model.to_bytes())
    state["means"].pop("words")
    with pytest.raises(ArtefactError, match="other features"):
        ReturnModel.from_bytes(json.dumps(state).encode())


def test_habits_stay_small_and_follow_sessions() -> None:
    """Events within a pause are one session; decayed sums forget."""
    habits = Habits(0.0, 0.0, 0.0)
    for minute in range(5):
        habits.event(minute * 60_000.0, 2, PAUSE)
    habits.event(20 * HOUR, 2, PAUSE)
    habits.event(100 * DAY, 2, PAUSE)
    assert (habits.events, habits.sessions, habits.of_session, habits.returned) == (7, 3, 1, 1)
    assert habits.recent == pytest.approx(1.0, abs=1e-6)
    assert sum(habits.hours) == pytest.approx(habits.usual)
