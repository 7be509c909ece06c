"""A candidate's way, from a folder with weights to a model that answers live texts which no user sees."""

import asyncio
from collections.abc import AsyncIterable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from shutil import rmtree

import structlog

from ...inference.embedder import Embedder
from ...inference.local import LocalEmbedder
from ...inference.manifest import MANIFEST, file_sha256
from ...inference.prepare import Report, fingerprint, prepare_encoder
from ...inference.repository import open_model
from ...schemas.errors import ArtefactError, ConfigurationError, UnavailableError
from .bundle import Bundle
from .canary import CanaryLimits
from .comparison import Comparison, ShadowLimits
from .ledger import Ledger
from .ports import Announcer, ArtefactStore, ModelServer
from .registry import ModelRegistry
from .releases import Releases, now_ms
from .versions import CANDIDATE, Book, ModelVersion
from .warmup import parity

log = structlog.get_logger(__name__)

Export = Callable[[Path, Path, str, Report], object]


def _silent(_: str) -> None:
    """A Report for nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishOptions:
    """How careful to be.

    Attributes:
        shadow, canary: What a candidate may do at most.
        kept: Previous versions that stay loaded, besides the one that a rollback goes to.
        cosine: To the vectors of the exported file, at least; the server may compute in another precision.
    """

    shadow: ShadowLimits = field(default_factory=ShadowLimits)
    canary: CanaryLimits = field(default_factory=CanaryLimits)
    kept: int = 0
    cosine: float = 0.999


class Candidates:
    """What is done with candidates before users feel anything; see `Publisher`, which adds the rest.

    Args:
        registry: The truth.
        repository: The server's model repository, on this machine or mounted here.
        server: Loads and unloads models.
        store: Where workers look.
        announcer: Tells about every step, on `model-events`.
        base: The encoder in use before the first publication (`PROFILESTREAM_MODEL`).
        options: How careful to be.
        export: Exports a folder into the repository under a name; the default needs torch.
        clock: Milliseconds since 1970.
    """

    def __init__(
        self,
        *,
        registry: ModelRegistry,
        repository: Path,
        server: ModelServer,
        store: ArtefactStore,
        announcer: Announcer,
        base: str,
        options: PublishOptions | None = None,
        export: Export = prepare_encoder,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self.registry = registry
        self._repository = repository
        self._server = server
        self._releases = Releases(registry, store, announcer, clock)
        self._ledger = Ledger(registry, self._releases, clock)
        self._base = base
        self._options = options or PublishOptions()
        self._export = export

    async def champion(self) -> ModelVersion:
        """The version that answers; without a registry, the encoder in use becomes the first champion.

        Raises:
            ArtefactError: It was not prepared, or has no codebook in the store.
            StoreUnavailableError: The store does not answer.
        """
        if self.registry.book().champion is None:
            name = await self._releases.pointed() or self._base  # a registry that was lost must not turn workers back
            source = open_model(self._repository / name).manifest.source
            version = ModelVersion(name=name, state="begun", source=source, manifest=self._manifest(name))
            self.registry.put_bundle(await self._releases.in_use(name))
            self.registry.change(lambda book: book.with_first(version, self._ledger.clock()))
        book = self.registry.book()
        return book.version(str(book.champion))

    async def write(self, folder: Path, report: Report = _silent) -> ModelVersion:
        """Export a fine-tuned encoder into the repository, under a new name.

        It is compared with torch and quantised, gets a manifest with the checksums of its files, is written aside,
        forced to disk and renamed. The same folder again gives the same version, unless that was refused.

        Args:
            folder: With `config.json`, `model.safetensors`, `tokenizer.json`.
            report: Told what is being done.

        Returns:
            The version, `written`; or `refused`, where it cannot be exported faithfully.
        """
        champion = await self.champion()
        source = await asyncio.to_thread(fingerprint, folder)
        version = self._begin(source, champion.name)
        if version.state != "begun":
            return version
        try:
            await asyncio.to_thread(self._export, folder, self._repository, version.name, report)
            written = version.model_copy(update={"manifest": self._manifest(version.name)})
        except (ArtefactError, ConfigurationError) as error:
            return await self.refuse(version.name, str(error))
        return await self._ledger.record(
            lambda book: book.with_version(written).moved(version.name, "written", self._ledger.clock()), version.name
        )

    def local(self, name: str) -> Embedder:
        """A written version in this process, to fit heads, codebook and maps on what will really be served.

        Raises:
            ArtefactError: A file of it is damaged.
        """
        return LocalEmbedder(self._repository / name)

    async def bundle(self, name: str) -> Bundle:
        """What goes with a version now; for the champion with the newest heads that were published.

        Raises:
            ArtefactError: Nothing does, or it is damaged.
        """
        if name == self.registry.book().champion:
            return await self._releases.in_use(name)
        return self.registry.bundle(name)

    async def equip(self, name: str, bundle: Bundle) -> ModelVersion:
        """Put codebook, heads and maps beside a candidate; newer ones as often as needed, until the canary.

        Raises:
            ArtefactError: Something is missing, or does not fit the version or the stored profiles.
            ConfigurationError: It is no candidate.
        """
        version = self._ledger.candidate(name)
        champion = await self.bundle((await self.champion()).name)
        dimensions = open_model(self._repository / name).manifest.dimensions
        bundle.check(name, dimensions, champion)
        self.registry.put_bundle(bundle.keeping_labels(champion.heads))
        return version

    async def load(self, name: str) -> ModelVersion:
        """Have the server load it beside the champion, after every file was compared with the manifest.

        Returns:
            The version, `loaded`; or `refused`, where a file is not what was written or the server cannot load it.

        Raises:
            InferenceUnavailableError: The server does not answer.
            ArtefactError: It has no codebook, heads and maps yet: `equip` it first.
        """
        if self._ledger.past(name, "loaded"):
            return self._ledger.version(name)
        self.registry.bundle(name)
        try:
            self._check_files(name)
            await self._server.load(name)
        except ArtefactError as error:
            return await self.refuse(name, str(error))
        return await self._ledger.move(name, "loaded")

    async def warm(self, name: str) -> ModelVersion:
        """Let it answer texts of all lengths, and compare its answers with the exported file's.

        Returns:
            The version, `warm`; or `refused`, where they differ.

        Raises:
            InferenceUnavailableError: The server does not answer.
        """
        if self._ledger.past(name, "warm"):
            return self._ledger.version(name)
        async with AsyncExitStack() as stack:
            served = await self._server.connect(name)
            stack.push_async_callback(served.close)
            exported = await asyncio.to_thread(self.local, name)
            stack.push_async_callback(exported.close)
            try:
                figures = await parity(served, exported)
            except ConfigurationError as error:  # an answer of the wrong shape
                return await self.refuse(name, str(error))
        self._ledger.check(name, "parity", figures)
        if not figures["cosine"] >= self._options.cosine:
            return await self.refuse(name, f"its answers are not the exported file's: cosine {figures['cosine']:.4f}")
        return await self._ledger.move(name, "warm")

    async def shadow(self, name: str, texts: AsyncIterable[Sequence[str]]) -> ModelVersion:
        """Ask champion and candidate the same live texts; users get the champion's answers.

        Args:
            name: The candidate.
            texts: Batches, with personal data removed (see `deploy/live.py`); until they end.

        Returns:
            The version, `shadow`, with the figures in `checks`; or `refused`, where it fails, is slow or makes no
            sense.

        Raises:
            InferenceUnavailableError: The server does not answer.
        """
        if self._ledger.past(name, "shadow"):
            return self._ledger.version(name)
        champion = (await self.champion()).name
        async with AsyncExitStack() as stack:
            sides = []
            for model in (champion, name):
                embedder = await self._server.connect(model)
                stack.push_async_callback(embedder.close)
                sides.append((embedder, {head.task: head for head in (await self.bundle(model)).heads}))
            comparison = Comparison(sides[0], sides[1])
            async for batch in texts:
                await comparison.update(batch)
        self._ledger.check(name, "shadow", comparison.figures)
        if objection := comparison.objection(self._options.shadow):
            return await self.refuse(name, f"shadow: {objection}")
        return await self._ledger.move(name, "shadow")

    async def refuse(self, name: str, reason: str) -> ModelVersion:
        """End a candidate: its users are the champion's again, it is unloaded, its weights are deleted.

        Its record stays, with the reason.

        Raises:
            ConfigurationError: It is no candidate.
            StoreUnavailableError: It was the canary, and workers could not be told: refuse it again, or `resume`.
        """
        if self._ledger.version(name).state != "refused":
            self._ledger.candidate(name)
            log.warning("model refused", model=name, reason=reason)
        clock = self._ledger.clock

        def ended(book: Book) -> Book:
            return book if book.version(name).state == "refused" else book.moved(name, "refused", clock(), reason)

        version = await self._ledger.flip(ended, name)
        await self._remove(name)
        return version

    async def _remove(self, name: str) -> None:
        """Unload it and delete its weights, unless they are those that `prepare` makes; `resume` does what failed."""
        try:
            await self._server.unload(name)
        except UnavailableError as error:
            log.warning("model not unloaded", model=name, error=str(error))
        if name != self._base:
            await asyncio.to_thread(rmtree, self._repository / name, ignore_errors=True)

    def _begin(self, source: Mapping[str, str], champion: str) -> ModelVersion:
        """The version made of these files: the one that is there, or a new one under a free name."""

        def begin(book: Book) -> Book:
            if _made_of(book, source):
                return book
            taken = {*book.versions, *(path.name for path in self._repository.iterdir())}
            name = next(n for n in _names(champion) if n not in taken)
            return book.with_version(ModelVersion(name=name, state="begun", source=source))

        return _made_of(self.registry.change(begin), source)[0]

    def _check_files(self, name: str) -> None:
        if self._manifest(name) != self._ledger.version(name).manifest:
            raise ArtefactError(f"the manifest of {name} is not the one that was written")

    def _manifest(self, name: str) -> str:
        """SHA-256 of the manifest, when every file is what it says."""
        open_model(self._repository / name)
        return file_sha256(self._repository / name / MANIFEST)


def _made_of(book: Book, source: Mapping[str, str]) -> list[ModelVersion]:
    """The candidate, or the champion, that was made of these files."""
    alive = (*CANDIDATE, "champion")
    return [v for v in book.versions.values() if v.state in alive and dict(v.source) == dict(source)]


def _names(champion: str) -> Iterator[str]:
    """`encoder-v3` and so on after `encoder-v2`."""
    stem, _, number = champion.rpartition("-v")
    first, stem = (int(number), stem) if stem and number.isdigit() else (1, champion)
    return (f"{stem}-v{following}" for following in count(first + 1))
