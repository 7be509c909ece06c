"""Applying batches: which events are new, whatever producers do."""

from profilestream.schemas.codec import decode_update, encode
from tests.stream.world import NOW, World, event


async def test_an_id_that_comes_again_in_another_partition_is_known() -> None:
    """A producer that repeats an event without its key makes no second event, and does not stop the partition."""
    world = World()
    first, _ = world.log.append("user-events", b"bob", encode(event(1, "bob")), timestamp=NOW + 1)
    engine = world.engine()
    await engine.run()
    again, offset = world.log.append("user-events", None, encode(event(1, "bob")), timestamp=NOW + 1)
    assert again != first
    engine = world.engine()
    await engine.run()
    assert (engine.counters.applied, engine.counters.skipped) == (0, 1)
    assert world.log.committed[again] == offset + 1


async def test_an_update_tells_the_last_event_that_is_in_it() -> None:
    """Read again from the beginning, old events do not make an update look older than its profile."""
    world = World()
    world.send(*[event(number) for number in range(40)])
    await world.engine().run()
    world.log.committed.clear()
    await world.engine(batch=8).run()
    offsets = [decode_update(message.value).offset for message in world.log.messages("profile-updates")]
    assert offsets == sorted(offsets)
    assert offsets[-1] == 39
