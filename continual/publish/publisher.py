"""The publisher: takes a fine-tuned encoder to the users, step by step, and back if need be."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from ...inference.pool import Served
from ...schemas.errors import ConfigurationError
from .canary import verdict
from .candidate import Candidates, PublishOptions
from .versions import SERVED, Book, ModelVersion

__all__ = ["PublishOptions", "Publisher"]


class Publisher(Candidates):
    """Moves versions from state to state; see the package's docstring for the states.

        version = await publisher.write(folder)                # begun, written
        await publisher.equip(version.name, Bundle(...))       # fitted on publisher.local(version.name)
        await publisher.load(version.name)                     # loaded
        await publisher.warm(version.name)                     # warm
        await publisher.shadow(version.name, texts)            # shadow
        await publisher.canary(version.name, share=0.05)       # canary, then judge() as workers count
        await publisher.promote(version.name)                  # champion; the one before is previous
        await publisher.rollback()

    Whatever is wrong with a candidate makes it `refused`, with the reason: look at the `state` of what a step returns.
    Whatever is wrong around it is raised, and the step can be done again. A step that was done is not done twice, so
    after a crash the same calls in the same order go on where it happened.
    """

    async def canary(self, name: str, share: float) -> ModelVersion:
        """Let a candidate answer for a share of the users, chosen by a hash.

        They get its vectors and heads, and their profiles are carried into its space when they are next touched; if it
        is refused, they are carried back. Again with another share to widen it.

        Raises:
            ConfigurationError: The share is not between 0 and 1, it did not pass the shadow, or there is another one.
            StoreUnavailableError: Workers were not told; do it again, or `resume`.
        """
        if not 0.0 < share < 1.0:
            raise ConfigurationError(f"a canary's share is between 0 and 1, not {share:g}")
        widened = self._ledger.version(name).state == "canary"
        if not widened:
            self._ledger.version(name).moved("canary", 0)
            await self._ready(name)

        def begin(book: Book) -> Book:
            if book.canary not in {None, name}:
                raise ConfigurationError(f"{book.canary} is tried at the moment: promote or refuse it first")
            said = f"{share:.2%} of the users"
            moved = book if widened else book.moved(name, "canary", self._ledger.clock(), said)
            return moved.with_share(share)

        return await self._ledger.flip(begin, name)

    async def trial(self, name: str, served: Callable[[], Awaitable[Mapping[str, Served]]]) -> ModelVersion:
        """Begin a canary and watch it, until workers made enough calls or long enough.

        Args:
            name: A version that passed the shadow.
            served: By model, what all workers together asked of it so far (see `deploy.publishing.served`).

        Returns:
            The version: `canary`, to be promoted now; or `refused`, and its users have the champion again.

        Raises:
            UnavailableError: As `canary`, or as `served`.
        """
        limits, clock = self._options.canary, asyncio.get_running_loop().time
        if self._ledger.past(name, "canary"):
            version = self._ledger.version(name)
        else:
            version = await self.canary(name, limits.share)
        end = clock() + limits.seconds
        while version.state == "canary" and clock() < end:
            await asyncio.sleep(min(1.0, limits.seconds / 10))
            version = await self.judge(name, await served())
            if version.checks["canary"]["calls"] >= limits.calls:
                break
        return version

    async def judge(self, name: str, served: Mapping[str, Served]) -> ModelVersion:
        """Hold what workers counted since the canary began against the limits.

        Args:
            name: The canary.
            served: By model, what all workers together asked of it.

        Returns:
            The version, still `canary`, with the figures in `checks`; or `refused`.

        Raises:
            ConfigurationError: It is not the canary.
        """
        book = self.registry.book()
        if book.canary != name:
            raise ConfigurationError(f"{name} is {book.version(name).state}, not the canary")
        figures, objection = verdict(served, str(book.champion), name, self._options.canary)
        version = self._ledger.check(name, "canary", figures)
        return await self.refuse(name, f"canary: {objection}") if objection else version

    async def promote(self, name: str) -> ModelVersion:
        """Make it the champion: a flip of one pointer, for encoder, codebook, heads and maps at once.

        The champion before stays loaded. Also brings a previous version back.

        Raises:
            ConfigurationError: It did not pass the shadow.
            ArtefactError: It has no heads, or they number labels otherwise than profiles do by now; or a file of it is
                damaged.
            UnavailableError: The server or the store does not answer; `promote` it again, or `resume`.
        """
        if self.registry.book().champion != name:
            self.registry.book().with_champion(name, 0)
            await self._ready(name)
        clock = self._ledger.clock
        version = await self._ledger.flip(
            lambda book: book if book.champion == name else book.with_champion(name, clock()), name
        )
        await self.retire()
        return version

    async def rollback(self, reason: str = "rolled back") -> ModelVersion:
        """Make the version before the champion again: the pointer goes back; it was loaded all the time.

        Returns:
            The champion after it.

        Raises:
            ConfigurationError: There is none before.
            UnavailableError: The server or the store does not answer; where the pointer had been turned in the
                registry already, `resume`.
        """
        previous = self.registry.book().previous
        if previous is None:
            raise ConfigurationError("there is no version to go back to: `profilestream models list` shows them")
        await self._ready(previous)
        return await self._ledger.flip(lambda book: book.with_rollback(self._ledger.clock(), reason), previous)

    async def retire(self) -> list[str]:
        """Unload previous versions beyond those that are kept, and delete their weights; returns their names."""
        book = self.registry.book()
        previous = [v for v in book.versions.values() if v.state == "previous" and v.name != book.previous]
        previous.sort(key=lambda version: version.history[-1].time, reverse=True)
        gone = [version.name for version in previous[self._options.kept :]]
        for name in gone:
            await self._ledger.move(name, "retired")
            await self._remove(name)
        return gone

    async def resume(self) -> Book:
        """After a crash, or where Redis or the server lost what they had: make the world as the registry says.

        Raises:
            UnavailableError: The server or the store does not answer.
            ArtefactError: A file or an artefact of a version in use is damaged.
        """
        book = self.registry.book()
        if book.champion is None:
            await self.champion()
            book = self.registry.book()
        for version in book.versions.values():
            if version.state in SERVED:
                await self._server.load(version.name)
            elif version.state in {"refused", "retired"} and (self._repository / version.name).exists():
                await self._remove(version.name)
        for name in filter(None, (book.previous, book.canary, book.champion)):
            await self._releases.put(self.registry.bundle(name))
        await self._releases.point()
        if book.announced < book.generation:
            await self._releases.tell(str(book.champion))
        return self.registry.book()

    async def _ready(self, name: str) -> None:
        """All that a champion needs is where it must be, before anybody is pointed to it."""
        self._check_files(name)
        await self._server.load(name)
        bundle = self.registry.bundle(name)
        champion = self.registry.book().champion
        if champion not in {None, name}:  # labels that it has learned meanwhile keep their ids
            bundle = bundle.keeping_labels((await self._releases.in_use(str(champion))).heads)
            self.registry.put_bundle(bundle)
        await self._releases.put(bundle)

    async def close(self) -> None:
        """Release the connection to the server."""
        await self._server.close()
