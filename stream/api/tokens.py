"""Who may ask: tokens of which only the hash is kept.

A token is random and long, so one round of SHA-256 is enough: there is nothing to guess (OWASP ASVS 4.0, 2.9).
"""

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal, cast

from ...schemas.errors import ConfigurationError

Scope = Literal["read", "admin"]

_FORM = re.compile(r"([\w.-]{1,64}):(read|admin):([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True)
class Token:
    """One that is known.

    Attributes:
        name: Whose it is: for logs, metrics and the rate limit.
        scope: `read`, or `admin`, which may do everything.
        digest: SHA-256 of the token.
    """

    name: str
    scope: Scope
    digest: bytes = field(repr=False)

    def may(self, scope: Scope) -> bool:
        """Whether it is enough for a scope."""
        return self.scope in (scope, "admin")


def parse_tokens(text: str) -> tuple[Token, ...]:
    """Tokens as they are written in the settings: `name:scope:sha256`, with commas between.

    Raises:
        ConfigurationError: Another form; the text is not repeated.
    """
    tokens = tuple(_parse(number, part.strip()) for number, part in enumerate(text.split(","), 1) if part.strip())
    names = [token.name for token in tokens]
    if len(set(names)) < len(names):
        raise ConfigurationError("api_tokens: two tokens have the same name")
    return tokens


def find(tokens: Sequence[Token], given: str) -> Token | None:
    """The token that was given, in a time that says nothing about how nearly it is one."""
    digest = sha256(given.encode("utf-8", "surrogateescape")).digest()
    found = [token for token in tokens if hmac.compare_digest(token.digest, digest)]
    return found[0] if found else None


def new_token() -> tuple[str, str]:
    """A new token and its SHA-256 in hexadecimal."""
    token = f"ps_{secrets.token_urlsafe(32)}"
    return token, sha256(token.encode()).hexdigest()


def _parse(number: int, text: str) -> Token:
    found = _FORM.fullmatch(text)
    if not found:
        raise ConfigurationError(
            f"api_tokens: entry {number} is not name:scope:sha256 with the scope read or admin; "
            "`profilestream token` makes one"
        )
    return Token(found[1], cast("Scope", found[2]), bytes.fromhex(found[3]))
