"""The monitor: alarms for what changed, under its right name, and none for what did not."""

import numpy as np
import pytest

from profilestream.continual.drift.calibration import calibrate
from profilestream.continual.drift.monitor import DriftMonitor
from profilestream.continual.drift.state import load, save
from profilestream.continual.drift.status import status
from profilestream.schemas.codec import codec_of, encode
from profilestream.schemas.errors import ArtefactError
from profilestream.schemas.events import DriftReport
from tests.continual.drift.made_up import CODES, NO_ERRORS, OPTIONS, feed, texts, trained

OTHER_MIX = np.array([0.3, 0.3] + [0.4 / (CODES - 2)] * (CODES - 2))


def exams(rate, count, seed=0):
    """Labels, a share of which the model got wrong."""
    return (np.random.default_rng(seed).random(count) < rate).astype(np.uint8)


def test_nothing_is_said_of_an_unchanged_stream():
    """Ten thousand texts like the first ones: no alarm at any of 200 checks."""
    monitor = trained()
    assert feed(monitor, texts(10_000, 1)) == []
    assert monitor.checks > 190


def test_thresholds_hold_the_false_alarm_rate():
    """Over many references and streams, alarms at unchanged checks are about as rare as was chosen."""
    checks = alarms = 0
    for seed in range(12):
        monitor = trained(seed)
        monitor.thresholds = calibrate(monitor.reference, window=20, step=5, level=0.02)
        for at in range(20):
            monitor.alarm = None
            alarms += bool(feed(monitor, texts(50 * 10, 1000 * seed + at + 100), size=500))
            checks += 10
    assert alarms / checks < 0.03


@pytest.mark.parametrize(
    ("change", "kind"),
    [({"novel": 0.2}, "content"), ({"novel": 1.0}, "content"), ({"mix": OTHER_MIX}, "mix")],
)
def test_texts_that_change_are_told_with_their_kind(change, kind):
    """One alarm, of the right kind, in Avro, with codes, words and examples that show it."""
    monitor = trained()
    reports = feed(monitor, texts(1000, 2, **change))
    assert [report.kind for report in reports] == [kind]
    assert codec_of(DriftReport).decode(encode(reports[0])) == reports[0]
    assert max(reports[0].scores.values()) > 1
    assert reports[0].codes
    if kind == "content":
        assert reports[0].examples[0] == "quantum flux news"
        assert "quantum" in reports[0].words
    else:
        assert {code.code for code in reports[0].codes[:2]} == {0, 1}


def test_examples_can_be_left_out():
    """Where texts must not leave the stream, reports have none."""
    options = type(OPTIONS)(reference=2000, window=200, step=50, block=10, examples=False)
    monitor = DriftMonitor("encoder-v1", CODES, options)
    feed(monitor, texts(2000))
    (report,) = feed(monitor, texts(1000, 2, novel=0.5))
    assert report.examples == []


def test_labels_that_change_show_in_feedback_alone():
    """The texts are as before, but the answers are wrong: labels."""
    monitor = trained()
    assert feed(monitor, texts(500, 3), errors=exams(0.1, 600)) == []
    reports = feed(monitor, texts(500, 4), errors=exams(0.5, 400))
    assert [report.kind for report in reports] == ["labels"]


def test_an_exchanged_encoder_is_told_as_that():
    """When the anchor sentences move, everything else that moved is its doing."""
    monitor = trained()
    feed(monitor, texts(400, 2, novel=1.0))
    assert monitor.suspects
    (report,) = monitor.encoder_said(moved=True, now=1)
    assert report.kind == "model"
    assert report.id == monitor.alarms[1].id, "it is the same alarm, now under its right name"


def test_an_alarm_ends():
    """When the stream is as it was before, the same alarm is told to be over."""
    monitor = trained()
    (alarm,) = feed(monitor, texts(1000, 2, novel=0.3))
    (over,) = feed(monitor, texts(2000, 5))
    assert (over.id, over.state) == (alarm.id, "over")
    assert status(monitor, 0)["state"] == "calm"


def test_a_restart_changes_nothing():
    """A monitor that was saved and loaded says what the other says, in every phase."""
    rows = texts(6000, 9)
    for cut in (700, 2300, 3333):
        one = DriftMonitor("encoder-v1", CODES, OPTIONS)
        feed(one, rows[:cut], errors=exams(0.1, 350))
        two, taken, anchors = load(save(one, "7", None), OPTIONS)
        assert (taken, anchors) == ("7", None)
        for monitor in (one, two):
            feed(monitor, rows[cut:])
            feed(monitor, texts(600, 4, novel=0.3))
        first, second = status(one, 0), status(two, 0)
        for alarm in first["alarms"] + second["alarms"]:
            del alarm["id"]
        assert first == second
        assert first["state"] == "alarm"


def test_a_broken_state_is_refused():
    """Half a state is none."""
    with pytest.raises(ArtefactError):
        load(save(trained(), "1", None)[:-10], OPTIONS)


def test_memory_is_bounded():
    """After 50,000 texts a monitor's state is hardly larger than after 5,000."""
    monitor = trained()
    feed(monitor, texts(3000, 1), size=500)
    early = len(save(monitor, "1", None))
    feed(monitor, texts(50_000, 2), size=500)
    assert len(save(monitor, "1", None)) < 1.2 * early


def test_the_status_says_what_is_missing():
    """Before the reference is complete there are no scores, and it says how far it is."""
    monitor = DriftMonitor("encoder-v1", CODES, OPTIONS, since=5)
    feed(monitor, texts(500), errors=NO_ERRORS)
    said = status(monitor, 7)
    assert (said["state"], said["reference"], said["wanted"], said["since"]) == ("collecting", 500, 2000, 5)
    assert said["statistics"] == []
