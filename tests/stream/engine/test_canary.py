"""The canary in the engine: some users get the candidate's models, and every event still counts once."""

from dataclasses import replace

import numpy as np
import pytest

from profilestream.inference.hashing import HashEmbedder
from profilestream.inference.pool import EncoderPool
from profilestream.inference.serving import Serving
from profilestream.inference.spaces import Way
from profilestream.schemas.codec import decode_update
from profilestream.schemas.events import ProfileUpdate
from profilestream.stream.engine.analysis import Analyser
from profilestream.stream.engine.apply import Applier
from profilestream.stream.engine.engine import BatchLimits, Engine
from profilestream.stream.engine.memory import MemorySink, MemorySource
from profilestream.stream.redaction import Redactor
from tests.stream.world import LAYOUT, World, event, small_models

V1, V2 = "hash-v1", "hash-v2"
USERS = [f"user-{number}" for number in range(40)]


class Trial:
    """A world with a champion and a candidate."""

    def __init__(self) -> None:
        self.world = World()
        self.encoders = {name: HashEmbedder(model=name) for name in (V1, V2)}
        eye = Way(np.eye(LAYOUT.dimensions))
        sets = {name: small_models(encoder) for name, encoder in self.encoders.items()}
        self.champion = replace(sets[V1], ways={V2: eye})
        self.candidate = replace(sets[V2], ways={V1: eye})
        self.serving = Serving(self.champion)
        self._sent = 0

    async def run(self) -> dict[str, ProfileUpdate]:
        """An event of each user, through the whole engine; the last update of each."""
        self.world.send(*[event(self._sent + number, user) for number, user in enumerate(USERS)])
        self._sent += len(USERS)
        log = self.world.log
        before = len(log.messages("profile-updates"))
        await Engine(
            source=MemorySource(log, "user-events"),
            sink=MemorySink(log),
            analyser=Analyser(
                EncoderPool.of(*self.encoders.values()),
                lambda: self.serving,
                Redactor(),
                self.world.limits,
                LAYOUT,
            ),
            applier=Applier(self.world.store, LAYOUT),
            store=self.world.store,
            limits=BatchLimits(events=16, seconds=0.0, in_flight=3),
        ).run()
        updates = [decode_update(record.value or b"") for record in log.messages("profile-updates")[before:]]
        return {update.user: update for update in updates}


@pytest.fixture
def trial() -> Trial:
    """Nobody tries anything yet."""
    return Trial()


async def test_only_the_users_of_the_canary_get_the_candidate(trial: Trial) -> None:
    """Which encoder is in a profile is said by its update."""
    trial.serving = Serving(trial.champion, trial.candidate, 0.3)
    updates = await trial.run()
    assert {user: update.model_version for user, update in updates.items()} == {
        user: V2 if trial.serving.tries(user) else V1 for user in USERS
    }
    assert {update.model_version for update in updates.values()} == {V1, V2}


async def test_profiles_go_there_and_back_with_all_their_events(trial: Trial) -> None:
    """Champion, canary, refused: every event is counted once, and vectors are carried, not dropped."""
    await trial.run()
    trial.serving = Serving(trial.champion, trial.candidate, 0.5)
    await trial.run()
    trial.serving = Serving(trial.champion)
    updates = await trial.run()
    assert {update.events for update in updates.values()} == {3}
    assert {update.model_version for update in updates.values()} == {V1}


async def test_a_candidate_that_fails_keeps_nobody_waiting(trial: Trial) -> None:
    """Its users get the champion's answers, in the same batch."""
    trial.encoders[V2].fail()
    trial.serving = Serving(trial.champion, trial.candidate, 0.5)
    updates = await trial.run()
    assert {update.model_version for update in updates.values()} == {V1}
    assert {update.events for update in updates.values()} == {1}


async def test_after_a_failure_the_champion_of_now_is_asked(trial: Trial) -> None:
    """The encoder that a batch began with is gone for good: it goes on with the one that took its place."""

    class Flipping(HashEmbedder):
        async def embed(self, texts: list[str]) -> np.ndarray:  # type: ignore[override]
            trial.serving = Serving(trial.candidate)
            return await super().embed(texts)

    trial.encoders[V1] = Flipping(model=V1)
    trial.encoders[V1].fail()
    updates = await trial.run()
    assert {update.model_version for update in updates.values()} == {V2}
