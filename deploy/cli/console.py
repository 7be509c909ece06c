"""Where commands print: results on standard output, everything else on standard error."""

from rich.console import Console
from rich.text import Text

output = Console()
errors = Console(stderr=True)


def say(line: str) -> None:
    """What is being done, or what was found out on the way."""
    errors.print(Text(line, style="dim"), soft_wrap=True)


def complain(line: str) -> None:
    """What went wrong."""
    errors.print(Text.assemble(("error: ", "bold red"), line), soft_wrap=True)
