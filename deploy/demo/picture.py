"""Makes the picture of the demo that the README shows, from a real run.

    python -m profilestream.deploy.demo.picture deploy/demo/screenshot.svg

What people wrote is blotted out: their sentences are in the data set's package and nowhere else.
"""

import asyncio
import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from ...schemas.events import ProfileUpdate
from ..prepare import prepare
from ..settings import Settings
from .run import DemoOptions, run_demo
from .screen import LiveScreen

WIDTH = 110

# Without the fonts that it would fetch from elsewhere.
_PLAIN_SVG = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def blotted(update: ProfileUpdate) -> ProfileUpdate:
    """The update without anybody's words."""
    return replace(update, evidence=tuple(replace(e, excerpt=_blots(e.excerpt)) for e in update.evidence))


def main(file: str) -> None:
    """Run the demo as it is by default, and write its last screen and its summary as SVG."""
    settings, screens = Settings.load(), list[LiveScreen]()

    @contextmanager
    def screen_on(console: Console, total: int) -> Iterator[LiveScreen]:
        screens.append(LiveScreen(console, total, edited=blotted))
        yield screens[0]

    paper = Console(width=WIDTH, record=True, force_terminal=True, color_system="truecolor", file=io.StringIO())
    summary = asyncio.run(run_demo(settings, DemoOptions(), prepare(settings), paper, screen_on))
    paper.export_text(clear=True)  # what was said during the start
    paper.print(screens[0].view, summary.panel())
    paper.save_svg(file, title="profilestream demo", code_format=_PLAIN_SVG)


def _blots(text: str) -> str:
    return "".join(c if c.isspace() else "▒" for c in text)


if __name__ == "__main__":
    main(sys.argv[1])
