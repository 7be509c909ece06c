"""Parts of the drift monitor, each by itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profilestream.continual.drift.adwin import Adwin
from profilestream.continual.drift.anchors import moved
from profilestream.continual.drift.prequential import Prequential
from profilestream.continual.drift.rows import Notes, Rows
from profilestream.continual.drift.windows import SlidingWindows
from profilestream.continual.drift.words import count_words, risen_words
from profilestream.schemas.errors import ArtefactError
from tests.continual.drift.made_up import texts


def test_notes_travel():
    """What a worker noted is what the judge reads, texts in any script included."""
    rows = texts(20)
    rows = Rows(rows.codes, rows.novelty, rows.confidence, (*rows.texts[:-1], "日本語 👋 \ud83d"[:-1]))
    notes = Notes.from_bytes(Notes(rows, np.array([0, 1], np.uint8)).to_bytes())
    assert notes.rows.texts == rows.texts
    np.testing.assert_array_equal(notes.rows.novelty, rows.novelty)
    assert notes.errors.tolist() == [0, 1]
    with pytest.raises(ArtefactError):
        Notes.from_bytes(b"not notes")


@given(st.lists(st.integers(0, 40), max_size=12))
def test_windows_do_not_depend_on_batches(sizes):
    """However the stream is cut into batches, the windows are the same, each a step after the last."""
    rows = texts(sum(sizes))
    windows, at, found = SlidingWindows(20, 5), 0, []
    for size in sizes:
        found += list(windows.update(rows[at : at + size]))
        at += size
    expected = [rows[end - 20 : end].texts for end in range(20, len(rows) + 1, 5)]
    assert [window.texts for window in found] == expected


def test_adwin_notices_a_change_and_which_way():
    """A mean that rises is noticed soon; one that stays is not."""
    generator = np.random.default_rng(0)
    adwin = Adwin()
    assert adwin.update(generator.normal(0, 1, 10_000)) == []
    changes = adwin.update(generator.normal(0.5, 1, 2000))
    assert changes
    assert changes[0][0] < 500
    assert changes[0][1] > 0


def test_adwin_survives_a_restart():
    """With the last values of its window it goes on: a change after the restart is noticed."""
    generator = np.random.default_rng(0)
    before = Adwin()
    before.update(generator.normal(0, 1, 5000))
    after = Adwin()
    after.restore(before.recent)
    assert after.width == 2000
    assert after.update(generator.normal(1, 1, 500))


def test_feedback_that_gets_worse_and_better():
    """The rise is told; recovery is seen when the last labels are as the first."""
    generator = np.random.default_rng(1)
    exams = Prequential(1e-4)
    assert not exams.update((generator.random(1000) < 0.1).astype(int).tolist())
    assert exams.update((generator.random(400) < 0.5).astype(int).tolist())
    assert not exams.recovered
    exams.update((generator.random(400) < 0.1).astype(int).tolist())
    assert exams.recovered


def test_words_of_the_change_are_found():
    """Words that are new or more frequent come first; common ones and what the redactor put in do not."""
    usual = count_words(["please show my account balance"] * 500 + ["please book a flight"] * 500)
    now = ["please show my account balance"] * 50 + ["please fix the blender <email>"] * 20
    found = risen_words(now, usual)
    assert set(found[:3]) == {"fix", "the", "blender"}
    assert "please" not in found
    assert "email" not in found


def test_rounding_does_not_move_an_anchor_but_another_encoder_does():
    """Cosines of 0.99 are another processor; less is another encoder."""
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(12, 384))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    near = rows + generator.normal(size=rows.shape) * 0.1 / 384**0.5
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    assert not moved(rows, near)
    assert moved(rows, np.roll(rows, 1, axis=1))
