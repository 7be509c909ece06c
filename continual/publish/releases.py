"""Taking a release to where workers look: its artefacts, then the pointer, then the word of it."""

import time
from collections.abc import Callable

import structlog

from ...inference.heads import Head
from ...inference.names import codebook_name, head_name
from ...inference.pointer import POINTER, Pointer
from ...schemas.errors import ArtefactError, UnavailableError
from ...schemas.events import ModelEvent
from .bundle import Bundle
from .ports import Announcer, ArtefactStore
from .registry import ModelRegistry

log = structlog.get_logger(__name__)


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Releases:
    """The copy of the registry that workers see.

    Args:
        registry: The truth.
        store: Where workers look.
        announcer: Tells them.
        clock: Milliseconds since 1970.
    """

    def __init__(
        self, registry: ModelRegistry, store: ArtefactStore, announcer: Announcer, clock: Callable[[], int] = now_ms
    ) -> None:
        self._registry = registry
        self._store = store
        self._announcer = announcer
        self._clock = clock

    async def in_use(self, encoder: str) -> Bundle:
        """What workers use with an encoder now: its heads may be newer than those in the registry.

        Raises:
            ArtefactError: There is no codebook in the store, or something is damaged.
            StoreUnavailableError: The store does not answer.
        """
        names = [name for name in await self._store.names() if _goes_with(encoder, name)]
        found = {name: await self._store.get(name) for name in names}
        artefacts = {name: data for name, data in found.items() if data is not None}
        if codebook_name(encoder) not in artefacts:
            raise ArtefactError(f"there is no codebook of {encoder} in Redis: run `profilestream prepare --publish`")
        return Bundle.from_artefacts(encoder, artefacts)

    async def put(self, bundle: Bundle) -> None:
        """Put into the store what is not there; a newer head stays.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        for name, data in bundle.artefacts().items():
            if not await self._newer_head(name, data):
                await self._store.put(name, data)

    async def pointed(self) -> str | None:
        """The encoder that workers are pointed to; None where there is no pointer.

        Raises:
            ArtefactError: The pointer is damaged.
            StoreUnavailableError: The store does not answer.
        """
        data = await self._store.get(POINTER)
        return None if data is None else Pointer.from_bytes(data).champion

    async def point(self) -> None:
        """Make the pointer in the store say what the registry says.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        pointer = None
        # Somebody else may flip it between our reading and our writing: then we write once more.
        while pointer != (pointer := self._registry.book().pointer):
            await self._store.put(POINTER, pointer.to_bytes())

    async def tell(self, name: str) -> None:
        """Announce where a version stands; workers look at the pointer anyway, so without a broker we go on."""
        book = self._registry.book()
        version, pointer = book.version(name), book.pointer
        event = ModelEvent(
            kind="encoder",
            name=name,
            version=book.generation,
            location=name,
            sha256=version.manifest,
            time=self._clock(),
            properties={
                "state": version.state,
                "reason": version.reason,
                "champion": pointer.champion,
                "canary": pointer.canary or "",
                "share": f"{pointer.share:g}",
            },
        )
        try:
            await self._announcer.announce(event)
        except UnavailableError as error:
            log.warning("nobody was told", model=name, state=version.state, error=str(error))
            return
        self._registry.change(lambda now: now.model_copy(update={"announced": max(now.announced, event.version)}))

    async def _newer_head(self, name: str, data: bytes) -> bool:
        """Whether the store has a head of this name that learned more than this one; a broken one is no better."""
        if not name.startswith("head/"):
            return False
        try:
            stored = await self._store.get(name)
            if stored is None:
                return False
            theirs, ours = Head.from_bytes(stored), Head.from_bytes(data)
        except ArtefactError:
            return False
        return theirs.version >= ours.version and theirs.labels[: len(ours.labels)] == ours.labels


def _goes_with(encoder: str, name: str) -> bool:
    """Whether an artefact is an encoder's codebook, one of its heads, or a map from or to it."""
    kind, *others = name.split("/")
    if kind == "map":
        return encoder in others
    return name == codebook_name(encoder) or name.startswith(head_name("", encoder))
