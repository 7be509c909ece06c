"""The update job on small encoders and the real publisher: from feedback to a new champion, or to a reason."""

from pathlib import Path

import numpy as np
import orjson
import pytest

from profilestream.continual.gate.limits import Limits
from profilestream.continual.update.steps import STEPS
from tests.continual.update.world import TASK, Deadline, KilledError, Place, lessons


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    """A deployment with feedback."""
    return await Place.prepare(tmp_path)


async def test_a_good_candidate_becomes_the_champion(place: Place) -> None:
    """With its codebook, heads and maps, its weights kept, the profiles carried over, and a report."""
    state = await place.job().run("asked for")
    assert (state.outcome, await place.champion()) == ("published", "encoder-v2")
    assert list(state.done) == [*STEPS, "report"]
    assert place.world.migrated == ["encoder-v2"]
    assert (place.world.weights("encoder-v2") / "model.onnx").exists()
    bundle = await place.models.publisher().bundle("encoder-v2")
    assert {head.task for head in bundle.heads} == {"interest", "sentiment"}
    maps = place.models.registry.bundle("encoder-v2").maps
    assert {(item.source, item.target) for item in maps} == {
        ("encoder-v1", "encoder-v2"),
        ("encoder-v2", "encoder-v1"),
    }
    folder = Path(state.done["report"]["folder"])
    assert "a new encoder is in use" in (folder / "report.md").read_text()
    assert orjson.loads((folder / "report.json").read_bytes())["gate"]["passed"] is True
    assert (folder / "figures.png").read_bytes().startswith(b"\x89PNG")


async def test_nothing_held_out_is_trained_on(place: Place) -> None:
    """What judges the candidate was never shown to it, also where a text came twice."""
    place.world.feedback = lessons() * 2
    await place.job().run("asked for")
    assert place.trainer.taught
    assert not any(lesson.held_out for lesson in place.trainer.taught)
    share = len(place.trainer.taught) / len(place.world.feedback)
    assert 0.6 < share < 0.9


async def test_a_candidate_that_is_not_worth_it_is_refused(place: Place) -> None:
    """The champion answers as before, the report says why, and the feedback stays where it is."""
    place.limits = Limits(latency=1e9)
    before = len(place.world.feedback)
    state = await place.job().run("asked for")
    assert state.outcome == "refused"
    assert await place.champion() == "encoder-v1"
    assert place.world.migrated == []
    assert "not worth it" in (Path(state.done["report"]["folder"]) / "report.md").read_text()
    assert len(place.world.feedback) == before
    assert not (place.world.repository / "encoder-v2").exists()


@pytest.mark.parametrize("feedback", [[], lessons(5), lessons(200, ("cats",))], ids=["none", "little", "one label"])
async def test_too_little_feedback_trains_nothing(place: Place, feedback: list) -> None:
    """No feedback, a handful, or one label only: said, and nothing else happens."""
    place.world.feedback = feedback
    state = await place.job().run("asked for")
    assert (state.outcome, place.trainer.trained) == ("nothing to learn", 0)
    assert await place.champion() == "encoder-v1"
    assert (Path(state.done["report"]["folder"]) / "report.md").exists()


async def test_labels_since_the_last_update_are_new(place: Place) -> None:
    """The first update knows no new labels; the second one those that came since the first."""
    await place.job().run("asked for")
    assert place.trainer.new == frozenset()
    place.world.feedback = lessons(60, ("cats", "dogs", "trains", "tea", "rain"))
    place.trainer.seed = 3
    state = await place.job().run("asked for")
    assert place.trainer.new == {(TASK, "rain")}
    assert state.done["collect"]["new"] == ["rain"]
    assert (state.champion, await place.champion()) == ("encoder-v2", "encoder-v3")


async def test_a_crash_anywhere_resumes_or_changed_nothing(tmp_path: Path) -> None:
    """Killed behind each call: the old champion answers, or the new one, and the next run ends as it should."""
    for name in ("train", "write", "equip", "shadow", "promote", "migrate"):
        place = await Place.prepare(tmp_path / name)
        with pytest.raises(KilledError):
            await place.job(Deadline(name)).run("killed")
        flipped = name in {"promote", "migrate"}
        assert await place.champion() == ("encoder-v2" if flipped else "encoder-v1"), name
        state = await place.job().run("again")
        assert (state.outcome, await place.champion()) == ("published", "encoder-v2"), name
        assert state.reason == "killed"
        assert place.trainer.trained == (2 if name == "train" else 1), name
        assert "encoder-v2" in place.world.migrated


@pytest.mark.parametrize("step", ["train", "gate", "publish", "report"])
async def test_a_crash_between_steps_goes_on_behind_the_last_one(place: Place, step: str) -> None:
    """What was recorded is not done again."""

    def kill(name: str, _done: int, _of: int) -> None:
        if name == step:
            raise KilledError(name)

    with pytest.raises(KilledError):
        await place.job(told=kill).run("killed")
    repeated: list[str] = []
    state = await place.job(told=lambda name, _done, _of: repeated.append(name)).run("again")
    assert state.outcome == "published"
    steps = [*STEPS, "report"]
    assert list(dict.fromkeys(repeated)) == steps[steps.index(step) :]


async def test_a_refused_job_stays_refused_after_a_crash(place: Place) -> None:
    """Killed between the refusal and its record: the reason is still the gate's."""
    place.limits = Limits(latency=1e9)
    with pytest.raises(KilledError):
        await place.job(Deadline("refuse")).run("killed")
    state = await place.job().run("again")
    assert state.outcome == "refused"
    assert "not worth it" in state.why


async def test_a_job_that_another_champion_overtook_is_given_up(place: Place) -> None:
    """Its candidate was compared with an encoder that is no longer in use."""

    def kill(name: str, _done: int, _of: int) -> None:
        if name == "gate":
            raise KilledError(name)

    with pytest.raises(KilledError):
        await place.job(told=kill).run("killed")
    publisher = place.models.publisher()
    await publisher.promote(await place.models.staged(publisher, seed=9))
    champion = await place.champion()
    state = await place.job().run("again")
    assert state.outcome == "superseded"
    assert await place.champion() == champion
    next_one = await place.job().run("afresh")
    assert next_one.champion == champion


async def test_an_encoder_that_gives_nan_is_refused(place: Place) -> None:
    """Before any map or head is fitted to it."""
    write = place.trainer.train

    def broken(source, lessons, new, target, progress):
        figures = write(source, lessons, new, target, progress)
        import onnx
        from onnx import numpy_helper

        model = onnx.load(target / "model.onnx")
        table = numpy_helper.to_array(model.graph.initializer[0]).copy()
        table[60:] = np.nan
        model.graph.initializer[0].CopyFrom(numpy_helper.from_array(table, "table"))
        onnx.save(model, target / "model.onnx")
        return figures

    place.trainer.train = broken  # type: ignore[method-assign]
    state = await place.job().run("asked for")
    assert state.outcome == "refused"
    assert "not finite" in state.why
    assert await place.champion() == "encoder-v1"
