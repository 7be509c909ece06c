"""What the demo draws: a table at every width, plain lines without a terminal, and nothing that a message breaks."""

import io

import pytest
from rich.console import Console

from profilestream.deploy.demo.accounting import Ledger, Sent
from profilestream.deploy.demo.picture import blotted
from profilestream.deploy.demo.screen import Liveliest, LiveScreen, PlainScreen, profile_table, screen_for
from profilestream.schemas.events import Evidence, Interest, ProfileUpdate

CAR = "What would you do if you had a flying car?"


def update(user="ann", revision=1, excerpt="I would fly to work", sentiment=0.31):
    """An update of a profile with two interests and one that is next to nothing."""
    return ProfileUpdate(
        user=user,
        revision=revision,
        model_version="encoder-v1",
        topic="user-events",
        partition=0,
        offset=0,
        time=0,
        events=1582,
        interests=(
            Interest(label=CAR, share=0.6),
            Interest(label="sports", share=0.3),
            Interest(label="music", share=0.001),
        ),
        sentiment=sentiment,
        evidence=(
            Evidence(label="sports", event="e1", excerpt="I like ball games", confidence=0.9, time=0),
            Evidence(label=CAR, event="e2", excerpt=excerpt, confidence=0.8, time=0),
        ),
    )


def drawn(renderable, width):
    """What stands on a terminal of so many columns."""
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    console.print(renderable)
    return console.file.getvalue()


def test_row_says_who_what_and_why():
    """A line has user, events, interests by short names, mood, and the evidence for the first interest."""
    row = drawn(profile_table([update()], 120), 120).splitlines()[-2]
    for part in ("ann", "1,582", " 60% flying car", "30% sports", "▲ +0.31", "“I would fly to work”"):
        assert part in row
    assert "music" not in row


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_each_profile_keeps_to_one_line(width):
    """At no width does a line wrap."""
    text = drawn(profile_table([update(user=f"user{n}") for n in range(10)], width), width)
    lines = [line for line in text.splitlines() if "user" in line]
    assert len(lines) == 11  # with the header
    assert all(len(line) <= width for line in text.splitlines())


def test_messages_are_shown_not_obeyed():
    """Mark-up and escape sequences in what people write neither break the table nor reach the terminal."""
    text = drawn(profile_table([update(excerpt="[/bold] \x1b[2J\n[red]hi", user="[x]")], 120), 120)
    assert "[/bold]" in text
    assert "[x]" in text
    assert "\x1b" not in text


def test_profile_that_says_nothing_yet():
    """No interests, no mood and no evidence give an empty line, not an error."""
    bare = ProfileUpdate(
        user="new", revision=1, model_version="m", topic="t", partition=0, offset=0, time=0, events=1, sentiment=None
    )
    assert "new" in drawn(profile_table([bare], 120), 120)


def test_liveliest_first():
    """Who changed most lately comes first; who stopped falls behind."""
    ledger, liveliest = Ledger(), Liveliest()
    ledger.saw(update(user="early", revision=5), now=0.0)
    assert [u.user for u in liveliest.of(ledger)] == ["early"]
    for _ in range(100):
        liveliest.of(ledger)
    ledger.saw(update(user="late", revision=1), now=0.0)
    assert [u.user for u in liveliest.of(ledger)] == ["late", "early"]


def test_live_screen_ends_with_all_events():
    """The last picture has the full count and what was learned."""
    console = Console(width=100, file=io.StringIO(), force_terminal=True, color_system=None)
    ledger = Ledger()
    ledger.saw(update(), now=0.0)
    ledger.wrote("ann", Sent(0, 0, at=0.0), now=0.0)
    with screen_for(console, 1) as screen:
        screen.note("starting")
        screen.show(ledger, learned="3 labels learned")
    assert isinstance(screen, LiveScreen)
    for part in ("starting", "1 of 1 events", "3 labels learned", "flying car"):
        assert part in console.file.getvalue()


def test_plain_lines_without_a_terminal():
    """Where nobody watches, notes are lines of text without any control sequence."""
    console = Console(width=100, file=io.StringIO())
    with screen_for(console, 1) as screen:
        screen.note("learning [/x]")
        screen.show(Ledger(), learned="")
    assert isinstance(screen, PlainScreen)
    assert "\x1b" not in console.file.getvalue()
    assert "learning [/x]" in console.file.getvalue()


def test_picture_has_nobodys_words():
    """In the picture for the README, sentences are blotted out, blanks aside."""
    assert [item.excerpt for item in blotted(update(excerpt="so it is")).evidence] == ["▒ ▒▒▒▒ ▒▒▒▒ ▒▒▒▒▒", "▒▒ ▒▒ ▒▒"]
