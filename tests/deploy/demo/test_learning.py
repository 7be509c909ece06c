"""What the demo says of the topic and the encoder that it learned."""

import io

import pytest
from rich.console import Console

from profilestream.deploy.demo.exam import Grade
from profilestream.deploy.demo.learning import Learning


def grade(topic: float, everything: float = 0.4, encoder: str = "encoder-v1") -> Grade:
    """Shares of right answers."""
    return Grade(encoder=encoder, topic=topic, all=everything)


def course(**more: object) -> Learning:
    """All labels are told."""
    known = {"encoder": "encoder-v1", "before": grade(0.0), "few": grade(0.35), "known": grade(0.61, 0.455)}
    return Learning(topic="flying cars", first=5, told=123, seconds=2.13, **{**known, **more})


def drawn(learning: Learning) -> str:
    """What stands on the screen."""
    console = Console(width=200, file=io.StringIO(), color_system=None)
    for line in learning.lines():
        console.print(line)
    return console.file.getvalue()


def test_nothing_is_said_before_the_topic() -> None:
    """No line, no row, no verdict."""
    assert (Learning().lines(), Learning().rows(), Learning().verdict()) == ([], [], "")


def test_the_topic_is_seen_to_be_learned() -> None:
    """Unknown, after a few labels and how soon, after all of them."""
    text = drawn(course())
    for part in ("flying cars", "unknown 0%", "5 labels in 2.1 s 35%", "123 labels 61%", "update: starts"):
        assert part in text


def test_the_update_is_seen_to_go_on() -> None:
    """Its steps, and how far the one is that it does now."""
    learning = course()
    learning.said({"step": "train", "done": 40, "of": 160})
    text = drawn(learning)
    assert "train ▰" in text
    assert "40/160" in text
    assert "publish" in text


def test_a_published_encoder_is_told_with_both_accuracies() -> None:
    """Who answers, what it recognises beside the one before, and what became of the profiles."""
    learning = course(outcome="published", why="encoder-v2 passed the gate", encoder="encoder-v2", update_seconds=91.0)
    learning.tuned, learning.moved, learning.profiles = grade(0.66, 0.471, "encoder-v2"), 79, 70
    text = drawn(learning)
    for part in ("encoder-v2", "published", "45.5% → 47.1%", "79 profiles carried over, 70 updated since", "tuned 66%"):
        assert part in text
    assert "79 stored profiles" in learning.verdict()
    assert learning.as_dict()["accuracy"]["new_encoder"] == {"encoder": "encoder-v2", "topic": 0.66, "all": 0.471}


@pytest.mark.parametrize("outcome", ["refused", "failed", "given up"])
def test_a_refusal_is_told_with_its_reason(outcome: str) -> None:
    """No new accuracy is shown, and the old encoder goes on."""
    learning = course(outcome=outcome, why="worth it: accuracy 40.0% beside 45.5%: not worth it")
    assert "not worth it" in drawn(learning)
    assert "encoder-v1 goes on" in learning.verdict()
    assert "new_encoder" not in learning.as_dict()["accuracy"]
    assert not any("encoder" in name for name, _ in learning.rows())
