"""Trends: counted by every worker, added up in one place, read as series; a surge of bad mood is told once."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profilestream.schemas.codec import codec_of, encode
from profilestream.schemas.events import DriftReport
from profilestream.stream.trends.buckets import HOURS, MINUTES
from profilestream.stream.trends.read import read
from profilestream.stream.trends.store import MemoryTrendStore, RedisTrendStore
from profilestream.stream.trends.surge import SurgeRule, surges, tail
from profilestream.stream.trends.tally import tally
from profilestream.stream.trends.watch import TrendWatch
from tests.stream.engine.test_observing import Noting, Observers, watched
from tests.stream.store.cluster import store_at, url_of
from tests.stream.world import World, event

NOON = 1_800_000_000.0


@pytest.fixture(params=["memory", "redis", "cluster"])
def url(request):
    """Of the real server or cluster; None for the twin."""
    return url_of(request)


@pytest.fixture
async def store(url):
    """Where tallies add up, empty."""
    if url is None:
        yield MemoryTrendStore()
        return
    profiles = store_at(url)
    yield RedisTrendStore(profiles.client)
    await profiles.close()


def texts(topic, negative, count):
    """A tally of texts about a topic, some of them negative."""
    return tally([()] * count, [topic] * count, [-1.0] * negative + [0.0] * (count - negative))


def merged(*tallies):
    """All of them together."""
    total = Counter()
    for one in tallies:
        total.update(one)
    return total


async def observed(*events):
    """What an engine shows an observer of these events."""
    world, noting = World(), Noting()
    world.send(*events)
    await watched(world, Observers([noting])).run()
    return noting.seen


async def test_two_workers_add_up(store):
    """Counts of two workers in two minutes are read as one series, with shares and mean sentiment."""
    await store.add(NOON, tally([["plan:pro"]], ["cats"], [-0.5]))
    await store.add(NOON, tally([[]], ["cats"], [1.0]))
    await store.add(NOON + 60, tally([[]], [None], [0.0]))
    trends = await read(store, hours=2 / 60, clock=lambda: NOON + 61)
    cats = next(s for s in trends.series if (s.segment, s.topic) == ("", "cats"))
    everything = next(s for s in trends.series if (s.segment, s.topic) == ("", ""))
    assert (cats.texts, cats.negative, cats.positive) == ([2, 0], [1, 0], [1, 0])
    assert (cats.sentiment, cats.share) == ([0.25, None], [1.0, 0.0])
    assert everything.texts == [2, 1]
    assert trends.segments == ["", "plan:pro"]
    assert trends.times[1] - trends.times[0] == 60_000


async def test_long_spans_are_read_by_the_hour(store):
    """A day has 24 buckets, and an hour's is the sum of its minutes."""
    for minute in range(3):
        await store.add(NOON + 60 * minute, texts("cats", 1, 2))
    trends = await read(store, hours=24, segment="", clock=lambda: NOON + 200)
    assert trends.resolution == HOURS.seconds
    assert len(trends.times) == 24
    assert sum(trends.series[0].texts) == 6
    assert {s.segment for s in trends.series} == {""}


async def test_odd_names_do_no_harm(store):
    """A producer may call a segment whatever it likes, even what separates the parts of a field."""
    await store.add(NOON, tally([["plan:\x1f\x1fx"]], ["cats"], [0.0]))
    (counts,) = await store.read(MINUTES, MINUTES.last(NOON, 1))
    assert counts["plan:  x", "cats", "texts"] == 1


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["x", None]), st.floats(-1, 1)), max_size=30))
def test_tallies_merge(seen):
    """A tally of all is the sum of tallies of parts, wherever it is cut."""
    parts = [
        tally([[s] for s, _, _ in part], [t for _, t, _ in part], [p for _, _, p in part])
        for part in (seen[:7], seen[7:], seen)
    ]
    assert merged(parts[0], parts[1]) == parts[2]


async def test_a_surge_is_told_once(store):
    """When people turn on a topic there is one alarm, in Avro and for readers, however often anybody looks."""
    told = []

    async def report(alarm):
        told.append(codec_of(DriftReport).decode(encode(alarm)))

    for minute in range(60):
        await store.add(NOON + 60 * minute, merged(texts("trains", 1, 8), texts("cats", 1, 8)))
    later = NOON + 3600
    watches = [TrendWatch(store, report, clock=lambda: later + 60) for _ in range(2)]
    assert await watches[0].look() == []
    await store.add(later, merged(texts("trains", 30, 40), texts("cats", 5, 40)))
    for watch in watches:
        await watch.look()
    assert [alarm.kind for alarm in told] == ["sentiment"]
    assert "trains" in told[0].summary
    assert (await read(store, hours=1, clock=lambda: later)).alarms[0]["topic"] == "trains"


def test_a_busy_hour_is_no_surge():
    """Ten times as many texts of the same mood are no alarm."""
    past = [texts("trains", 2, 10) for _ in range(60)]
    assert surges(past, [texts("trains", 200, 1000)], SurgeRule()) == []


def test_nothing_is_a_surge_without_a_past():
    """A stream that begins with complaints is only a stream of complaints."""
    assert surges([], [texts("trains", 40, 40)], SurgeRule()) == []


def test_the_tail_is_a_distribution():
    """The chance of at least none is one, it falls with every text more, and the mean is n a / (a + b)."""
    chances = [tail(k, 30, 3.0, 7.0) for k in range(31)]
    assert chances[0] == pytest.approx(1.0)
    assert chances == sorted(chances, reverse=True)
    assert sum(chances[1:]) == pytest.approx(30 * 0.3)


async def test_the_watch_counts_what_workers_see(store):
    """Segments are types of events and values of a property, bounded: the rest are others."""
    watch = TrendWatch(store, lambda _: None, segment="plan", clock=lambda: NOON)
    many = [event(n, properties={"plan": n}) for n in range(40)]
    for seen in await observed(event(100, type="haggle"), *many):
        watch.observe(seen)
    await watch.hand_over()
    (counts,) = await store.read(MINUTES, MINUTES.last(NOON, 1))
    assert watch.texts == counts["", "", "texts"] == 41
    assert counts["type:other", "", "texts"] == 1
    assert counts["plan:others", "", "texts"] == 8


async def test_counts_wait_for_the_store():
    """What could not be handed over is handed over when the store is back."""
    from profilestream.schemas.errors import StoreUnavailableError

    class Away(MemoryTrendStore):
        away = True

        async def add(self, now, counts):
            """Be away, or not."""
            if self.away:
                raise StoreUnavailableError("away")
            await super().add(now, counts)

    store = Away()
    watch = TrendWatch(store, lambda _: None, clock=lambda: NOON)
    for seen in await observed(event(1)):
        watch.observe(seen)
    with pytest.raises(StoreUnavailableError):
        await watch.hand_over()
    store.away = False
    await watch.hand_over()
    (counts,) = await store.read(MINUTES, MINUTES.last(NOON, 1))
    assert counts["", "", "texts"] == 1
