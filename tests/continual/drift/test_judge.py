"""Several workers, one judgement: notes of all are judged together, by one at a time, across restarts."""

import numpy as np

from profilestream.continual.drift.anchors import ANCHORS
from profilestream.continual.drift.judge import DriftJudge
from profilestream.continual.drift.rows import Notes
from profilestream.continual.drift.watch import DriftWatch
from profilestream.inference.hashing import HashEmbedder
from profilestream.stream.engine.observing import Observers
from profilestream.stream.store.drift import MemoryDriftStore
from tests.continual.drift.made_up import CODES, NO_ERRORS, OPTIONS, texts
from tests.stream.engine.test_observing import watched
from tests.stream.world import World, event

MODEL = "encoder-v1"


class Told:
    """Keeps what was told."""

    def __init__(self):
        self.reports = []

    async def __call__(self, report):
        """Note it."""
        self.reports.append(report)


async def note(store, rows, errors=NO_ERRORS):
    """Report as a worker does, in batches."""
    for at in range(0, max(len(rows), 1), 100):
        await store.report(MODEL, Notes(rows[at : at + 100], errors).to_bytes())


async def judged(judge):
    """Turns until nothing is left."""
    while await judge.turn(MODEL, CODES):
        pass


async def test_judges_take_over_from_each_other():
    """Two that take turns find what one alone finds, tell it once, and lose or double nothing."""
    store, told, alone, by_one = MemoryDriftStore(), Told(), MemoryDriftStore(), Told()
    judges = [DriftJudge(store, told, options=OPTIONS) for _ in range(2)]
    single = DriftJudge(alone, by_one, options=OPTIONS)
    parts = [texts(1500, 1), texts(900, 2), texts(700, 3), texts(800, 4, novel=0.3), texts(3000, 5)]
    for number, rows in enumerate(parts):
        await note(store, rows)
        await note(alone, rows)
        await judged(judges[number % 2])
        judges[number % 2].rest()
        await judged(single)
    assert [(r.kind, r.state) for r in told.reports] == [(r.kind, r.state) for r in by_one.reports]
    assert [(r.kind, r.state) for r in told.reports] == [("content", "alarm"), ("content", "over")]
    (status,) = await store.statuses()
    assert status["events"] == sum(map(len, parts))


async def test_of_two_judges_at_once_one_gives_way():
    """A judge that lost its lease without noticing throws its work away: nothing is told twice."""
    store, told = MemoryDriftStore(), Told()
    first, second = (DriftJudge(store, told, options=OPTIONS) for _ in range(2))
    await note(store, texts(2500, 1))
    await first.turn(MODEL, CODES)
    await judged(second)
    await note(store, texts(800, 4, novel=0.3))
    await judged(second)
    assert await first.turn(MODEL, CODES) == 0
    assert len(told.reports) == 1


async def test_a_broken_report_is_left_out():
    """One worker's nonsense keeps nobody from judging the others' notes."""
    store = MemoryDriftStore()
    judge = DriftJudge(store, Told(), options=OPTIONS)
    await store.report(MODEL, b"nonsense")
    await note(store, texts(100, 1))
    await judged(judge)
    assert judge.monitor.events == 100


async def test_an_exchanged_encoder_is_found_out():
    """The same name, other weights: the anchor sentences give it away, and the alarm says model."""
    embedders = {"weights": HashEmbedder(model=MODEL)}

    async def ask(model, sentences):
        assert (model, sentences) == (MODEL, ANCHORS)
        rows = await embedders["weights"].embed(sentences)
        return rows if "swapped" not in embedders else np.roll(rows, 1, axis=1)

    store, told = MemoryDriftStore(), Told()
    judge = DriftJudge(store, told, ask_encoder=ask, options=OPTIONS)
    await note(store, texts(2500, 1))
    await judged(judge)
    embedders["swapped"] = True
    for seed in range(5):
        await note(store, texts(200, seed, novel=1.0))
        await judged(judge)
    assert told.reports[-1].kind == "model"
    assert judge.alarms["model"] == 1


async def test_a_worker_notes_reports_and_judges():
    """What goes through an engine is in the status, each text once, under the model that read it."""
    world, store = World(), MemoryDriftStore()
    watch = DriftWatch("me", store, DriftJudge(store, Told(), options=OPTIONS))
    world.send(*[event(n) for n in range(50)], event(99, type="click", text=None))
    await watched(world, Observers([watch])).run()
    assert await watch.turn() == 1
    (status,) = await store.statuses()
    assert (status["model"], status["events"], status["state"]) == (world.embedder.model, 50, "collecting")
    assert {name for name, _, _ in watch.figures()} >= {"profilestream_drift_score", "profilestream_drift_alarm"}


async def test_a_restart_goes_on_where_the_last_stopped():
    """A new process has the reference of the old one: it does not learn the changed stream as usual."""
    store, told = MemoryDriftStore(), Told()
    await note(store, texts(2300, 1))
    await judged(DriftJudge(store, told, options=OPTIONS))
    await note(store, texts(800, 4, novel=0.3))
    await judged(DriftJudge(store, told, options=OPTIONS))
    assert [report.kind for report in told.reports] == ["content"]
