"""Printing: results and complaints, with texts of others shown as they are."""

from profilestream.deploy.cli.console import complain, say
from profilestream.deploy.cli.tail import line
from profilestream.deploy.terminal import plain
from profilestream.schemas.events import Interest, ProfileUpdate


def test_complaints_keep_their_brackets(capsys):
    """What looks like mark-up in an error is part of it, and long lines are not broken."""
    complain("[Errno 111] [/x] " + "y" * 300)
    assert "error: [Errno 111] [/x] " + "y" * 300 in capsys.readouterr().err


def test_news_is_not_a_result(capsys):
    """What is said on the way goes to standard error, so that results can be piped."""
    say("using the local stack")
    said = capsys.readouterr()
    assert not said.out
    assert "using the local stack" in said.err


def test_control_characters_become_blanks():
    """Escape sequences, line breaks and right-to-left overrides of a user do nothing to the terminal."""
    assert plain("a\x1b[2Jb\n\u202ec").plain == "a [2Jb  c"
    assert plain("naïve 😀 日本").plain == "naïve 😀 日本"


def test_update_on_one_line():
    """`tail` has user, revision, events, mood and interests on one line."""
    update = ProfileUpdate(
        user="a\nb",
        revision=3,
        model_version="m",
        topic="t",
        partition=0,
        offset=0,
        time=0,
        events=5,
        interests=(Interest(label="sports", share=0.5),),
        sentiment=-0.25,
    )
    assert line(update).plain == "a b  r3  5 events  mood -0.25  sports 50%"
