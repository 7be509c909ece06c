"""`profilestream token`: a token for the API."""

import re
from typing import Annotated

import typer

from ...schemas.errors import ConfigurationError
from ...stream.api.tokens import Scope, new_token, parse_tokens
from .console import output, say


def command(
    name: Annotated[str, typer.Argument(help="Whose it is: letters, digits, dot, dash, underscore.")],
    admin: Annotated[bool, typer.Option("--admin", help="It may also roll models back.")] = False,
) -> None:
    """Make a token for the API: the token itself for its owner, its hash for PROFILESTREAM_API_TOKENS."""
    scope: Scope = "admin" if admin else "read"
    token, digest = new_token()
    entry = f"{name}:{scope}:{digest}"
    if not re.fullmatch(r"[\w.-]{1,64}", name):
        raise ConfigurationError("a token's name has 1 to 64 letters, digits, dots, dashes or underscores")
    parse_tokens(entry)
    say("the token, shown once; give it to whoever asks:")
    output.print(token, highlight=False, markup=False, soft_wrap=True)
    say("its entry for PROFILESTREAM_API_TOKENS (several with commas between):")
    output.print(entry, highlight=False, markup=False, soft_wrap=True)
