"""From feedback to published heads."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from profilestream.continual.heads.durable import HeadRegistry
from profilestream.continual.heads.ledger import Ledger
from profilestream.continual.learner import HeadLearner, LearnerOptions
from profilestream.continual.resolver import Delivery
from profilestream.deploy.recent_texts import RecentTexts
from profilestream.inference.hashing import HashEmbedder
from profilestream.inference.heads import Head
from profilestream.schemas.errors import StoreUnavailableError
from profilestream.schemas.events import Feedback, UserEvent


class Shelf:
    """Keeps what is published, and is away for the first few calls where that is wanted."""

    def __init__(self, failures: int = 0) -> None:
        self.heads: list[Head] = []
        self.arrived = asyncio.Event()
        self._failures = failures

    async def publish(self, head: Head) -> None:
        """Keep the head."""
        if self._failures:
            self._failures -= 1
            raise StoreUnavailableError("away")
        self.heads.append(head)
        self.arrived.set()

    async def version(self, task: str, encoder: str) -> int | None:
        """Of the last head of a task."""
        kept = [head.version for head in self.heads if (head.task, head.encoder) == (task, encoder)]
        return kept[-1] if kept else None


def label(number: int, text: str | None, label: str, task: str = "interest") -> Feedback:
    """A label that arrived."""
    return Feedback(id=f"f{number}", user="ada", task=task, label=label, time=number, text=text)


CATS_AND_MUSIC = [
    label(1000 + i, *pair) for i, pair in enumerate([("my cat purrs", "cats"), ("a loud guitar", "music")] * 20)
]


async def stream(items: list[Feedback]) -> AsyncIterator[Delivery]:
    """Feedback that ends."""
    for offset, item in enumerate(items):
        yield Delivery(feedback=item, partition=0, offset=offset)


async def test_labels_become_a_head_that_knows_them() -> None:
    """After a handful of labels a text is recognised."""
    shelf, embedder = Shelf(), HashEmbedder()
    learner = HeadLearner(embedder, shelf)
    await learner.run(stream(CATS_AND_MUSIC))
    head = shelf.heads[-1]
    assert head.labels == ("cats", "music")
    assert head.encoder == embedder.model
    assert head.scores(await embedder.embed(["the cat purrs", "that guitar"])).argmax(axis=1).tolist() == [0, 1]
    assert learner.counts.learned == 40


async def test_a_head_is_published_while_the_stream_goes_on() -> None:
    """Workers need not wait for the feedback to end, nor for a batch to fill."""
    shelf = Shelf()
    more = asyncio.Event()

    async def slow() -> AsyncIterator[Delivery]:
        yield Delivery(feedback=CATS_AND_MUSIC[0], partition=0, offset=0)
        await more.wait()

    running = asyncio.create_task(HeadLearner(HashEmbedder(), shelf).run(slow()))
    await shelf.arrived.wait()
    assert shelf.heads[0].labels == ("cats",)
    more.set()
    await running


async def test_heads_come_no_faster_than_allowed_and_the_last_label_is_never_left_out() -> None:
    """A flood of labels gives the first head, then one at the end with everything."""
    shelf = Shelf()
    options = LearnerOptions(seconds=1.0, batch=4)
    learner = HeadLearner(HashEmbedder(), shelf, options=options, clock=lambda: 100.0)
    await learner.run(stream([*CATS_AND_MUSIC, label(99, "late news", "late")]))
    assert [head.version for head in shelf.heads] == [1, 2]
    assert shelf.heads[-1].labels == ("cats", "music", "late")


async def test_bad_feedback_is_counted_and_the_rest_is_learned() -> None:
    """No text, a repeated id and a task of somebody else's stop nothing."""
    shelf = Shelf()
    learner = HeadLearner(HashEmbedder(), shelf)
    good = label(1, "my cat", "cats")
    bad = [label(2, None, "cats"), label(3, "", "cats"), label(4, "x", ""), good, label(5, "fine", "1", "sentiment")]
    await learner.run(stream([good, *bad]))
    counts = learner.counts
    assert (counts.learned, counts.unusable, counts.repeated, counts.other_tasks) == (1, 3, 1, 1)
    assert shelf.heads[-1].labels == ("cats",)


async def test_a_service_that_is_away_loses_no_label() -> None:
    """The learner waits for the encoder and for the store, and then goes on."""
    shelf, embedder = Shelf(failures=2), HashEmbedder()
    embedder.fail()
    learner = HeadLearner(embedder, shelf)
    running = asyncio.create_task(learner.run(stream(CATS_AND_MUSIC)))
    await asyncio.sleep(0)
    embedder.recover()
    await running
    assert learner.counts.learned == 40
    assert len(shelf.heads) == learner.counts.published >= 1


async def test_after_a_restart_ids_stay_and_versions_go_on() -> None:
    """Profiles hold label ids and workers refuse older versions: both follow the head in use."""
    shelf, embedder = Shelf(), HashEmbedder()
    await HeadLearner(embedder, shelf).run(stream(CATS_AND_MUSIC))
    in_use = shelf.heads[-1]
    again = HeadLearner(embedder, shelf, published=[in_use])
    await again.run(stream([label(100, "new news", "news"), *reversed(CATS_AND_MUSIC)]))
    assert shelf.heads[-1].labels == ("cats", "music", "news")
    assert shelf.heads[-1].version > in_use.version


async def test_after_a_crash_the_learner_goes_on_where_it_was(tmp_path: Path) -> None:
    """Nothing is read twice, nothing that was learned is lost, and the next head is that of an unbroken run."""
    first, whole = Shelf(), Shelf()
    ledger = Ledger(tmp_path / "ledger.sqlite")
    await HeadLearner(HashEmbedder(), first, ledger=ledger).run(stream(CATS_AND_MUSIC[:25]))
    assert ledger.positions() == {0: 25}
    ledger.close()
    again = Ledger(tmp_path / "ledger.sqlite")
    learner = HeadLearner(HashEmbedder(), first, ledger=again, published=first.heads[-1:])
    await learner.run(stream(CATS_AND_MUSIC))  # the broker delivers the beginning once more
    assert (learner.counts.repeated, learner.counts.learned) == (25, 40)
    await HeadLearner(HashEmbedder(), whole).run(stream(CATS_AND_MUSIC))
    np.testing.assert_allclose(first.heads[-1].weights, whole.heads[-1].weights, atol=1e-6)
    assert first.heads[-1].version > first.heads[0].version


async def test_a_store_that_lost_everything_gets_its_heads_back(tmp_path: Path) -> None:
    """The last head is published again as it was, before anything is computed or read."""
    shelf, registry = Shelf(), HeadRegistry(tmp_path / "heads")
    ledger = Ledger(tmp_path / "ledger.sqlite")
    await HeadLearner(HashEmbedder(), shelf, ledger=ledger, registry=registry).run(stream(CATS_AND_MUSIC))
    empty, embedder = Shelf(), HashEmbedder()
    embedder.fail()
    learner = HeadLearner(embedder, empty, ledger=ledger, registry=registry)
    running = asyncio.create_task(learner.run(stream([label(1, "a new thing", "new")])))
    await empty.arrived.wait()
    assert empty.heads[0].to_bytes() == shelf.heads[-1].to_bytes()
    embedder.recover()
    await running
    assert empty.heads[-1].labels == ("cats", "music", "new")
    assert empty.heads[-1].version > shelf.heads[-1].version


async def test_a_new_encoder_learns_again_from_the_texts(tmp_path: Path) -> None:
    """Vectors of the old one are of no use, labels and their ids stay."""
    shelf, ledger = Shelf(), Ledger(tmp_path / "ledger.sqlite")
    await HeadLearner(HashEmbedder(), shelf, ledger=ledger).run(stream(CATS_AND_MUSIC))
    other = HashEmbedder(model="hash-v2")
    await HeadLearner(other, shelf, ledger=ledger).run(stream([]))
    head = shelf.heads[-1]
    assert (head.encoder, head.labels) == ("hash-v2", ("cats", "music"))
    assert head.scores(await other.embed(["the cat purrs", "that guitar"])).argmax(axis=1).tolist() == [0, 1]


async def test_an_erased_user_leaves_no_trace_in_the_heads(tmp_path: Path) -> None:
    """The head is that of a learner that never read this user, whether it runs or the ledger was changed beside it."""
    bob = [replace(item, id=f"bob-{item.id}", user="bob", text=f"{item.text} today") for item in CATS_AND_MUSIC[:7]]
    without = Shelf()
    await HeadLearner(HashEmbedder(), without).run(stream(CATS_AND_MUSIC))
    for beside in (False, True):
        shelf, path = Shelf(), tmp_path / f"{beside}.sqlite"
        ledger, registry = Ledger(path), HeadRegistry(tmp_path / f"heads-{beside}")
        learner = HeadLearner(HashEmbedder(), shelf, ledger=ledger, registry=registry)
        await learner.run(stream([*bob, *CATS_AND_MUSIC]))
        if beside:
            other = Ledger(path)
            assert len(other.forget("bob")) == 7
            other.close()
            await learner.run(stream([]))
        else:
            assert await learner.erase("bob") == 7
        np.testing.assert_allclose(shelf.heads[-1].weights, without.heads[-1].weights, atol=1e-6)
        assert registry.versions("hash-v1", "interest") == [shelf.heads[-1].version]
        assert b"today" not in path.read_bytes()
        ledger.close()


async def test_a_label_that_names_an_event_is_learned_when_the_event_comes() -> None:
    """The text may come later than its label; one that never comes is counted, and nobody teaches with another's."""
    shelf, texts = Shelf(), RecentTexts()
    late, never = replace(label(1, None, "cats"), event="e1"), replace(label(2, None, "cats"), event="e2")
    texts.add(UserEvent(id="e2", user="eve", type="message", time=0, text="not ada's"))

    async def slow() -> AsyncIterator[Delivery]:
        for offset, item in enumerate([late, never, CATS_AND_MUSIC[1]]):
            yield Delivery(feedback=item, partition=0, offset=offset)
        await shelf.arrived.wait()
        texts.add(UserEvent(id="e1", user="ada", type="message", time=0, text="my cat purrs"))
        yield Delivery(feedback=CATS_AND_MUSIC[3], partition=0, offset=3)

    options = LearnerOptions(seconds=0.0)
    now = iter(range(10**6))
    learner = HeadLearner(HashEmbedder(), shelf, texts=texts, options=options, clock=lambda: next(now) / 1000)
    await learner.run(slow())
    assert set(shelf.heads[-1].labels) == {"cats", "music"}
    assert (learner.counts.resolved, learner.counts.learned) == (1, 3)


async def test_a_label_that_waits_for_its_text_survives_the_learner(tmp_path: Path) -> None:
    """Killed while a label waits, the learner reads it again, and learns nothing behind it twice."""
    path, texts, shelf = tmp_path / "ledger.sqlite", RecentTexts(), Shelf()
    items = [CATS_AND_MUSIC[0], replace(label(1, None, "cats"), event="e1"), CATS_AND_MUSIC[1]]
    ledger = Ledger(path)
    read = asyncio.Event()

    async def endless() -> AsyncIterator[Delivery]:
        async for delivery in stream(items):
            yield delivery
        await shelf.arrived.wait()
        read.set()
        await asyncio.Event().wait()

    options = LearnerOptions(seconds=0.0)
    dying = asyncio.create_task(
        HeadLearner(HashEmbedder(), shelf, ledger=ledger, texts=texts, options=options).run(endless())
    )
    await read.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    assert (len(ledger), ledger.positions()) == (2, {0: 1})
    ledger.close()
    texts.add(UserEvent(id="e1", user="ada", type="message", time=0, text="my cat purrs"))
    again = Ledger(path)
    learner = HeadLearner(HashEmbedder(), Shelf(), ledger=again, texts=texts, options=options)

    async def rest() -> AsyncIterator[Delivery]:
        async for delivery in stream(items):
            if delivery.offset >= again.positions()[0]:
                yield delivery

    await learner.run(rest())
    assert (len(again), again.positions()) == (3, {0: 3})
    assert (learner.counts.resolved, learner.counts.repeated) == (1, 1)
    again.close()


async def test_accuracy_is_measured_before_learning() -> None:
    """Each text is judged by a head that has not seen it: the first ones are wrong, the rest are right."""
    learner = HeadLearner(HashEmbedder(), Shelf(), options=LearnerOptions(seconds=0.0, batch=4))
    await learner.run(stream(CATS_AND_MUSIC))
    said = learner.status()["interest"]
    assert said["tested"] == 36  # before the first head there is nothing to test
    assert said["accuracy"] == 1.0
    assert (said["texts"], said["labels"]) == (40, 2)


async def test_personal_data_is_removed_before_anything_is_stored(tmp_path: Path) -> None:
    """The ledger holds what was embedded, and that is the redacted text."""
    ledger = Ledger(tmp_path / "ledger.sqlite")
    learner = HeadLearner(
        HashEmbedder(), Shelf(), ledger=ledger, clean=lambda text: text.replace("ada@x.org", "<email>")
    )
    await learner.run(stream([label(1, "write to ada@x.org", "mail")]))
    assert [lesson.text for batch in ledger.lessons() for lesson in batch] == ["write to <email>"]


async def test_several_tasks_are_taught_apart() -> None:
    """A label of one task says nothing in another."""
    shelf = Shelf()
    await HeadLearner(HashEmbedder(), shelf).run(stream([label(1, "my cat", "cats"), label(2, "buy", "buy", "intent")]))
    assert {head.task: head.labels for head in shelf.heads} == {"interest": ("cats",), "intent": ("buy",)}
