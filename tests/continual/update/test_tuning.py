"""The fine-tune of the update job, on a tiny encoder."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from profilestream.continual.training.options import TrainingOptions
from profilestream.continual.update.lessons import Lesson
from profilestream.continual.update.tuning import TRAINING, FineTuner, TuningOptions, embed
from profilestream.inference.encoder import load_encoder
from profilestream.schemas.errors import ArtefactError
from tests.continual.conftest import one_thread, tiny_source
from tests.continual.update.world import TASK, KilledError, lessons

__all__ = ["one_thread", "tiny_source"]

TRAINED = TrainingOptions(epochs=3, batch=16, layers=1, checkpoint_steps=2, learning_rate=3e-3)
OPTIONS = TuningOptions(training=TRAINED, replayed=40, embedding=0.1, threads=1)
LESSONS = lessons(20)
NOTHING_NEW: frozenset[tuple[str, str]] = frozenset()


def silent(_done: int, _of: int) -> None:
    """Tell nobody."""


def weights(folder: Path) -> dict[str, np.ndarray]:
    """What was written."""
    return load_file(folder / "model.safetensors")


def test_labels_come_apart(tiny_source: Path, tmp_path: Path) -> None:
    """Texts of one label end nearer to each other than they were, and the champion stays as it is."""
    tuner, before = FineTuner(OPTIONS), weights(tiny_source)
    figures = tuner.train(tiny_source, LESSONS, NOTHING_NEW, tmp_path / "encoder", silent)
    assert figures == {"labels": 4, "new": 0, "replayed": 80}
    texts, labels = [lesson.text for lesson in LESSONS], np.array([lesson.label for lesson in LESSONS])
    same = labels[:, None] == labels[None, :]
    apart = []
    for rows in (embed(load_encoder(tiny_source), texts), tuner.embed(tmp_path / "encoder", texts)):
        cosines = rows @ rows.T
        apart.append(cosines[same].mean() - cosines[~same].mean())
    assert apart[1] > 2 * apart[0]
    assert all(np.array_equal(before[name], value) for name, value in weights(tiny_source).items())


@pytest.mark.parametrize("killed_at", [1, 3, 5])
def test_a_killed_training_goes_on(killed_at: int, tiny_source: Path, tmp_path: Path) -> None:
    """From its last checkpoint, not from the beginning, and it ends in the very weights of one that nobody killed."""
    new = frozenset({(TASK, "tea")})
    FineTuner(OPTIONS).train(tiny_source, LESSONS, new, tmp_path / "whole", silent)
    told: list[int] = []

    def kill(done: int, _of: int) -> None:
        if done == killed_at:
            raise KilledError

    target = tmp_path / "job" / "encoder"
    with pytest.raises(KilledError):
        FineTuner(OPTIONS).train(tiny_source, LESSONS, new, target, kill)
    assert not target.exists()
    FineTuner(OPTIONS).train(tiny_source, LESSONS, new, target, lambda done, _of: told.append(done))
    assert told[0] == 1 + (killed_at - 1) // 2 * 2
    whole, again = weights(tmp_path / "whole"), weights(target)
    assert all(np.array_equal(whole[name], again[name]) for name in whole)
    assert not list(target.with_name(TRAINING).glob("*.safetensors"))


def test_new_labels_are_learned_and_old_ones_replayed(tiny_source: Path, tmp_path: Path) -> None:
    """What is new sets the number of steps; the losses can be looked at in TensorBoard."""
    told: list[tuple[int, int]] = []
    new = frozenset({(TASK, "tea")})
    target = tmp_path / "encoder"
    figures = FineTuner(OPTIONS).train(tiny_source, LESSONS, new, target, lambda *step: told.append(step))
    assert figures == {"labels": 4, "new": 20, "replayed": 60}
    assert told[-1] == (6, 6)
    found = EventAccumulator(str(target.with_name(TRAINING))).Reload().Scalars("loss")
    assert [event.step for event in found] == list(range(6))


def test_a_training_that_breaks_down_writes_nothing(tiny_source: Path, tmp_path: Path) -> None:
    """Whoever asked for it is told why, and no half encoder is left."""
    broken = TuningOptions(training=TrainingOptions(batch=16, learning_rate=1e30, clip=1e30), threads=1)
    with pytest.raises(ArtefactError, match="learning rate"):
        FineTuner(broken).train(tiny_source, LESSONS, NOTHING_NEW, tmp_path / "encoder", silent)
    assert not (tmp_path / "encoder").exists()


def test_all_texts_have_their_rows(tiny_source: Path) -> None:
    """Embeddings come back in the order of the texts, whatever their lengths."""
    encoder = load_encoder(tiny_source)
    texts = ["a", "a much longer text than the others", "bb", *(lesson.text for lesson in LESSONS)]
    rows = embed(encoder, texts)
    with torch.no_grad():
        one = encoder.embed([texts[1]])[0]
    assert np.allclose(rows[1], one, atol=1e-5)


def test_a_lesson_shows_no_text() -> None:
    """A lesson in a log shows nobody's words."""
    assert "secret" not in repr(Lesson(text="secret", label="a", task=TASK))
