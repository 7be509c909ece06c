"""What Prometheus is told of the learner."""

from dataclasses import replace

from profilestream.continual.learner import HeadLearner, LearnerOptions
from profilestream.deploy.learner_figures import LearnerFigures
from profilestream.inference.hashing import HashEmbedder
from profilestream.stream.metrics.metrics import Metrics
from tests.continual.test_learner import CATS_AND_MUSIC, Shelf, stream


async def test_a_learner_that_is_contradicted_shows_what_it_forgot() -> None:
    """Labels, heads and accuracy are told as they are; when the labels turn round, accuracy falls and is missed."""
    figures, metrics = LearnerFigures(enough=20), Metrics()
    metrics.read_from(figures.read)
    assert b"profilestream" not in metrics.exposition()  # a learner that has not begun has nothing to say
    figures.learner = learner = HeadLearner(HashEmbedder(), Shelf(), options=LearnerOptions(seconds=0.0, batch=20))

    async def taught(first: int, *, other: bool) -> dict[str, float]:
        turned = {"cats": "music", "music": "cats"}
        items = [
            replace(item, id=f"{first}-{item.id}", label=turned[item.label] if other else item.label)
            for item in CATS_AND_MUSIC
        ]
        await learner.run(stream(items))
        lines = metrics.exposition().decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}

    accuracy, forgetting = (
        f'profilestream_{name}{{task="interest"}}' for name in ("prequential_accuracy", "forgetting")
    )
    before = await taught(0, other=False)
    assert before['profilestream_feedback_total{outcome="learned"}'] == len(CATS_AND_MUSIC)
    assert before["profilestream_buffer_texts"] == len(CATS_AND_MUSIC)
    assert before['profilestream_publications_total{kind="head"}'] >= 1
    assert before[forgetting] == 0
    after = await taught(1, other=True)
    assert after[accuracy] < before[accuracy]
    assert after[forgetting] == before[accuracy] - after[accuracy]
