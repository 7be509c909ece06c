"""From feedback to published heads."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np

from profilestream.continual.fast_head import FastHead
from profilestream.continual.learner import HeadLearner, LearnerOptions
from profilestream.inference.hashing import HashEmbedder
from profilestream.inference.heads import Head
from profilestream.schemas.errors import StoreUnavailableError
from profilestream.schemas.events import Feedback


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


def label(number: int, text: str | None, label: str, task: str = "interest") -> Feedback:
    """A label that arrived."""
    return Feedback(id=f"f{number}", user="ada", task=task, label=label, time=number, text=text)


CATS_AND_MUSIC = [label(i, *pair) for i, pair in enumerate([("my cat purrs", "cats"), ("a loud guitar", "music")] * 20)]


async def stream(items: list[Feedback]) -> AsyncIterator[Feedback]:
    """Feedback that ends."""
    for number, item in enumerate(items):
        yield Feedback(
            id=f"{item.id}-{number}" if item in CATS_AND_MUSIC else item.id,
            user=item.user,
            task=item.task,
            label=item.label,
            time=item.time,
            text=item.text,
        )


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

    async def slow() -> AsyncIterator[Feedback]:
        yield CATS_AND_MUSIC[0]
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


async def test_what_was_learned_before_is_published_and_built_upon() -> None:
    """Saved sums count as if their texts had just been read."""
    shelf, embedder = Shelf(), HashEmbedder()
    sums = FastHead(task="interest", encoder=embedder.model, dimensions=embedder.dimensions)
    sums.update(await embedder.embed(["my cat purrs"]), ["cats"])
    await HeadLearner(embedder, shelf, sums=[sums]).run(stream([label(1, "a loud guitar", "music")]))
    whole = Shelf()
    await HeadLearner(embedder, whole).run(
        stream([label(0, "my cat purrs", "cats"), label(1, "a loud guitar", "music")])
    )
    np.testing.assert_allclose(shelf.heads[-1].weights, whole.heads[-1].weights, atol=1e-6)


async def test_several_tasks_are_taught_apart() -> None:
    """A label of one task says nothing in another."""
    shelf = Shelf()
    await HeadLearner(HashEmbedder(), shelf).run(stream([label(1, "my cat", "cats"), label(2, "buy", "buy", "intent")]))
    assert {head.task: head.labels for head in shelf.heads} == {"interest": ("cats",), "intent": ("buy",)}
