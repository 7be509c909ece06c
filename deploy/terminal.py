"""Texts that others wrote, on a terminal: shown as they are, never obeyed."""

from rich.console import Console
from rich.text import Text


def plain(text: str, style: str = "") -> Text:
    """A text without mark-up, in which control characters (escape sequences, line breaks, reversals) are blanks."""
    return Text("".join(c if c.isprintable() else " " for c in text), style=style)


def say(console: Console, line: str) -> None:
    """A line of what goes on beside the main thing."""
    console.print(plain(line, "dim"), soft_wrap=True)
