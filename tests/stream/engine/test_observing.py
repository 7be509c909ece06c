"""Observers see every finished batch, and cannot hurt it."""

import numpy as np

from profilestream.stream.engine.engine import Engine
from profilestream.stream.engine.memory import MemorySink, MemorySource
from profilestream.stream.engine.observing import Observed, Observers
from tests.stream.world import World, event


class Noting:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.seen: list[Observed] = []

    def observe(self, seen: Observed) -> None:
        """Note it."""
        self.seen.append(seen)


class Broken:
    """Fails whenever it is told anything."""

    def observe(self, seen: Observed) -> None:
        """Fail."""
        raise RuntimeError(f"no dashboard for {len(seen.texts)} texts")


def watched(world: World, observers: Observers) -> Engine:
    """An engine of this world, with observers."""
    plain = world.engine()
    return Engine(
        source=MemorySource(world.log, "user-events"),
        sink=MemorySink(world.log),
        analyser=plain._analyser,
        applier=plain._applier,
        store=world.store,
        observers=observers,
    )


async def test_what_is_observed_is_what_was_said_redacted() -> None:
    """Every event with a text is seen with its codes and scores; personal data and events without a text are not."""
    world, noting = World(), Noting()
    world.send(event(1, text="write to ada@example.org"), event(2, type="click", text=None), event(3, text="a cat"))
    await watched(world, Observers([noting])).run()
    (seen,) = noting.seen
    assert [e.id for e in seen.events] == ["e1", "e3"]
    assert list(seen.texts) == ["write to <email>", "a cat"]
    embeddings = await world.embedder.embed(list(seen.texts))
    codes, cosines = seen.models.codebook.assign(embeddings)
    assert seen.said.codes.tolist() == codes.tolist()
    np.testing.assert_allclose(seen.said.novelty, 1 - cosines, atol=1e-6)


async def test_a_broken_observer_stops_nothing() -> None:
    """Whatever an observer does, the events are applied, and the other observers still see them."""
    world, noting = World(), Noting()
    world.send(*[event(n) for n in range(40)])
    observers = Observers([Broken(), noting])
    engine = watched(world, observers)
    await engine.run()
    assert engine.counters.applied == 40
    assert observers.failures == len(noting.seen) > 0
