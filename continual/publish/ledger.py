"""Writing down where versions stand: the registry first, then what workers see, then the word of it."""

from collections.abc import Callable, Mapping

import structlog

from ...schemas.errors import ConfigurationError
from .registry import ModelRegistry
from .releases import Releases
from .versions import CANDIDATE, Book, ModelVersion, State

log = structlog.get_logger(__name__)


class Ledger:
    """The registry, with everybody who has to hear of a change.

    Args:
        registry: The truth.
        releases: What workers see of it.
        clock: Milliseconds since 1970.
    """

    def __init__(self, registry: ModelRegistry, releases: Releases, clock: Callable[[], int]) -> None:
        self._registry = registry
        self._releases = releases
        self.clock = clock

    @property
    def book(self) -> Book:
        """What is true now."""
        return self._registry.book()

    def version(self, name: str) -> ModelVersion:
        """Where a version stands.

        Raises:
            ConfigurationError: There is none of this name.
        """
        return self.book.version(name)

    def candidate(self, name: str) -> ModelVersion:
        """The same, of a version that is to become the champion.

        Raises:
            ConfigurationError: It is none, or none any more.
        """
        version = self.version(name)
        if version.state not in CANDIDATE:
            raise ConfigurationError(f"{name} is {version.state}, no candidate any more")
        return version

    def past(self, name: str, state: State) -> bool:
        """Whether a version is in this state, beyond it, or refused; otherwise it is one step before.

        Raises:
            ConfigurationError: It is no candidate any more, or steps are missing.
        """
        version = self.version(name)
        if version.state in {"champion", "refused"} or version.state == state:
            return True
        if CANDIDATE.index(self.candidate(name).state) > CANDIDATE.index(state):
            return True
        version.moved(state, 0)
        return False

    def check(self, name: str, check: str, figures: Mapping[str, float]) -> ModelVersion:
        """Keep what a check measured."""
        book = self._registry.change(lambda now: now.with_version(now.version(name).with_check(check, figures)))
        return book.version(name)

    async def move(self, name: str, state: State, reason: str = "") -> ModelVersion:
        """Into a state that changes nothing for users."""
        return await self.record(lambda book: book.moved(name, state, self.clock(), reason), name)

    async def flip(self, how: Callable[[Book], Book], name: str) -> ModelVersion:
        """A change that users feel: workers are pointed to what the registry says after it.

        Raises:
            StoreUnavailableError: Workers could not be told: do it again, or `resume`.
        """
        self._registry.change(how)
        await self._releases.point()
        return await self._told(name)

    async def record(self, how: Callable[[Book], Book], name: str) -> ModelVersion:
        """Change the registry and tell of a version."""
        self._registry.change(how)
        return await self._told(name)

    async def _told(self, name: str) -> ModelVersion:
        book = self.book
        log.info("model moved", model=name, state=book.version(name).state, champion=book.champion)
        await self._releases.tell(name)
        return book.version(name)
