"""How long preparations tell a person what they are doing."""

from collections.abc import Callable

Report = Callable[[str], None]


def silent(_message: str) -> None:
    """Say nothing: the default where nobody watches."""
