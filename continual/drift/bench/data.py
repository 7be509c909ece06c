"""CLINC150 (Larson et al., EMNLP 2019): ten domains of 15 intents with 150 texts each. One domain at a time is new."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....inference.artefacts import Tensors, pack, read_file, sha256_hex, unpack, write_file
from ....inference.codebook import Codebook, fit_codebook
from ....inference.embedder import Embedder, Embeddings
from ....inference.heads import Head
from ....schemas.errors import ArtefactError, ConfigurationError
from ...heads import FastHead
from ...heads.lda import ShrinkageLda
from ..rows import EXCERPT, Rows

_KIND = "drift bench"
_BATCH = 512
FITTED_ON = 60  # texts of each known intent that codebook and head are fitted on; the others are the stream

Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """n labelled texts with their embeddings, shape (n, d)."""

    texts: tuple[str, ...]
    labels: NDArray[np.str_]
    domains: NDArray[np.str_]
    embeddings: Embeddings


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The stream of nine domains, and the tenth.

    Attributes:
        name: The new domain.
        texts: All of them.
        known: Rows of known domains that nothing was fitted on.
        new: Rows of the new domain.
        codebook, head: Fitted on other texts of the known domains.
    """

    name: str
    texts: Texts
    known: NDArray[np.intp]
    new: NDArray[np.intp]
    codebook: Codebook
    head: Head

    def notes(self, rows: NDArray[np.intp], *, embeddings: Embeddings | None = None) -> Rows:
        """What a worker would note of these texts, with their own embeddings or with others."""
        vectors = self.texts.embeddings[rows] if embeddings is None else embeddings
        codes, cosines = self.codebook.assign(vectors)
        sure = self.head.scores(vectors).max(axis=1)
        texts = tuple(self.texts.texts[row][:EXCERPT] for row in rows.tolist())
        return Rows(codes, 1 - cosines, sure, texts)

    def wrong(self, rows: NDArray[np.intp], labels: NDArray[np.str_]) -> NDArray[np.uint8]:
        """1 where the head's best label is not the given one."""
        said = np.array(self.head.labels)[self.head.scores(self.texts.embeddings[rows]).argmax(axis=1)]
        return np.asarray(said != labels, dtype=np.uint8)


async def read_texts(folder: Path, embedder: Embedder, cache: Path, report: Report) -> Texts:
    """All texts of CLINC150 within its domains, embedded; once for each encoder and data.

    Args:
        folder: With `data_full.json` and `domains.json`.
        embedder: The prepared encoder.
        cache: A folder for the embeddings.
        report: Told how many texts of how many are embedded.

    Raises:
        ConfigurationError: The folder does not hold CLINC150.
    """
    try:
        data = json.loads((folder / "data_full.json").read_bytes())
        domains = json.loads((folder / "domains.json").read_bytes())
        domain_of = {intent: domain for domain, intents in domains.items() for intent in intents}
        rows = [(text, label) for part in ("train", "val", "test") for text, label in data[part]]
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(f"{folder} does not hold CLINC150 (data_full.json, domains.json): {error}") from error
    texts = tuple(text for text, _ in rows)
    vectors = await _embedded(texts, embedder, cache, report)
    labels = np.array([label for _, label in rows])
    return Texts(texts, labels, np.array([domain_of[label] for _, label in rows]), vectors)


def scenes(texts: Texts, names: Iterable[str], seed: int) -> Iterator[Scene]:
    """Each of these domains in turn as the new one.

    Args:
        texts: All of them.
        names: Of the domains that are new in turn; all others are known.
        seed: Which texts of the known domains codebook and head are fitted on.
    """
    for name in names:
        generator = np.random.default_rng(seed)
        old = np.flatnonzero(texts.domains != name)
        by_intent = [
            generator.permutation(old[texts.labels[old] == label]) for label in np.unique(texts.labels[old]).tolist()
        ]
        fitted = np.concatenate([rows[:FITTED_ON] for rows in by_intent])
        known = np.concatenate([rows[FITTED_ON:] for rows in by_intent])
        vectors = texts.embeddings[fitted]
        codebook = fit_codebook(vectors, encoder="bench", seed=seed)
        head = FastHead(task="intent", encoder="bench", dimensions=vectors.shape[1], method=ShrinkageLda())
        head.update(vectors, texts.labels[fitted].tolist())
        yield Scene(name, texts, known, np.flatnonzero(texts.domains == name), codebook, head.solve(1))


async def _embedded(texts: tuple[str, ...], embedder: Embedder, cache: Path, report: Report) -> Embeddings:
    stamp = sha256_hex("\0".join([embedder.model, *texts]).encode())[:16]
    probe = await embedder.embed(texts[:8])  # another encoder may have the same name
    path = cache / f"clinc150-{stamp}-{sha256_hex(np.round(probe, 3).tobytes())[:8]}.safetensors"
    try:
        return np.asarray(unpack(_KIND, read_file(path))[0]["embeddings"], dtype=np.float32)
    except (ArtefactError, KeyError):
        parts = []
        for at in range(0, len(texts), _BATCH):
            parts.append(await embedder.embed(texts[at : at + _BATCH]))
            report(min(at + _BATCH, len(texts)), len(texts))
        tensors: Tensors = {"embeddings": np.concatenate(parts)}
        write_file(path, pack(_KIND, tensors, {"model": embedder.model}))
        return np.asarray(tensors["embeddings"], dtype=np.float32)
