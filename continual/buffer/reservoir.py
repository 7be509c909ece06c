"""The plain reservoir: every text that ever came is equally likely to be in it."""

from .base import Buffer
from .item import Item


class ReservoirBuffer(Buffer):
    """A uniform sample of all items (Vitter, 1985): what the literature's replay methods use."""

    def group(self, item: Item) -> str:  # noqa: ARG002 - one group for all
        """One for all."""
        return ""

    def rank(self, item: Item, chance: float) -> float:  # noqa: ARG002 - all weigh the same
        """The chance itself."""
        return chance
