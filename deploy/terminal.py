"""Texts that others wrote, on a terminal: shown as they are, never obeyed."""

from rich.text import Text


def plain(text: str, style: str = "") -> Text:
    """A text without mark-up, in which control characters (escape sequences, line breaks, reversals) are blanks."""
    return Text("".join(c if c.isprintable() else " " for c in text), style=style)
