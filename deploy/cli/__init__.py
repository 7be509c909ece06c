"""The command line: one file a command."""

import sys

from ...schemas.errors import ProfilestreamError
from .app import app
from .console import errors


def main() -> None:
    """Entry point of `profilestream`: an error that we foresaw is one or two lines, never a traceback."""
    try:
        app()
    except ProfilestreamError as error:
        errors.print(f"[bold red]error:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)
