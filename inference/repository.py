"""Triton's model repository: one folder a model, complete and checked or not there at all."""

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile, rmtree

from ..schemas.errors import ArtefactError, ConfigurationError
from .artefacts import sync_folder
from .manifest import MANIFEST, Manifest, Precision, checksums, read_manifest

VERSION = "1"  # Triton's; a new fine-tune gets a new model name, so there is never a second one
SCRIPTS = Path(__file__).parent / "triton_model"
MAX_BATCH = 256

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class ServingOptions:
    """How Triton runs a model.

    Attributes:
        instances: Processes that each hold the model.
        threads: Sub-batches at a time in each; 0 means as many as there are cores.
        token_budget: Padded tokens in a sub-batch: few, to stay in a core's cache (of 64 to 1024, 256 was fastest or
            close to it); for a GPU some thousands.
        queue_delay: Microseconds that a request may wait for others to join its batch.
        providers: ONNX Runtime's execution providers in order of preference; those not at hand are left out. TensorRT
            only by name: it builds an engine for each new range of shapes, which takes minutes.
    """

    instances: int = 1
    threads: int = 0
    token_budget: int = 256
    queue_delay: int = 1000
    providers: tuple[str, ...] = ("CUDAExecutionProvider", "CPUExecutionProvider")


@dataclass(frozen=True)
class ModelDirectory:
    """A verified model in a repository."""

    path: Path
    manifest: Manifest

    @property
    def artefacts(self) -> Path:
        """The folder with `model.onnx` and `tokenizer.json`."""
        return self.path / VERSION


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """What goes into a repository: the exported model and where it came from; see `Manifest` for the rest."""

    onnx: Path
    tokenizer: Path
    dimensions: int
    max_tokens: int
    precision: Precision
    cosine: float
    source: dict[str, str]
    versions: dict[str, str]


def open_model(path: Path) -> ModelDirectory:
    """A model's folder, after every file was compared with the manifest.

    Raises:
        ArtefactError: A file is missing or damaged; the message names it.
    """
    manifest = read_manifest(path)
    manifest.verify(path)
    return ModelDirectory(path, manifest)


def write_model(root: Path, name: str, files: ModelFiles, options: ServingOptions) -> ModelDirectory:
    """Write `<root>/<name>`: aside first, forced to disk, then renamed, so that nobody ever sees a part of it.

    A model of that name is replaced.

    Raises:
        ConfigurationError: The name is not one that Triton, paths and metrics all accept.
        ArtefactError: The disk is full or the folder cannot be written.
    """
    check_name(name)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=f".{name}-") as scratch:
            aside = Path(scratch, "new")
            manifest = _fill(aside, name, files, options)
            _sync(aside)
            _swap(aside, root / name, Path(scratch, "old"))
            sync_folder(root)
    except OSError as error:
        raise ArtefactError(
            f"Cannot write the model to {root / name}: {error.strerror}.\nFree some disk space."
        ) from error
    return ModelDirectory(root / name, manifest)


def check_name(name: str) -> None:
    """Refuse a model name that is not safe in a path, a metric and a URL.

    Raises:
        ConfigurationError: It is not 1 to 64 of a-z, 0-9, `.`, `_` and `-`, letter or digit first.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{name!r} is no model name: use a-z, 0-9, '.', '_' and '-', 64 at most.")


def config(name: str, dimensions: int, max_tokens: int, options: ServingOptions) -> str:
    """Triton's `config.pbtxt`: texts of several clients' requests are gathered into one batch."""
    parameters = {
        "max_tokens": str(max_tokens),
        "threads": str(options.threads),
        "token_budget": str(options.token_budget),
        "providers": ",".join(options.providers),
    }
    lines = [
        f'name: "{name}"',
        'backend: "python"',
        f"max_batch_size: {MAX_BATCH}",
        'input [{ name: "TEXT", data_type: TYPE_STRING, dims: [1] }]',
        f'output [{{ name: "EMBEDDING", data_type: TYPE_FP32, dims: [{dimensions}] }}]',
        f"instance_group [{{ kind: KIND_AUTO, count: {options.instances} }}]",
        f"dynamic_batching {{ max_queue_delay_microseconds: {options.queue_delay} }}",
        *(f'parameters {{ key: "{key}", value: {{ string_value: "{value}" }} }}' for key, value in parameters.items()),
    ]
    return "\n".join(lines) + "\n"


def scripts() -> list[Path]:
    """The Python files that a model needs beside its weights."""
    return [path for path in sorted(SCRIPTS.glob("*.py")) if path.name != "__init__.py"]


def _fill(folder: Path, name: str, files: ModelFiles, options: ServingOptions) -> Manifest:
    artefacts = folder / VERSION
    artefacts.mkdir(parents=True)
    for source, target in ((files.onnx, "model.onnx"), (files.tokenizer, "tokenizer.json")):
        copyfile(source, artefacts / target)
    for script in scripts():
        copyfile(script, artefacts / script.name)
    (folder / "config.pbtxt").write_text(config(name, files.dimensions, files.max_tokens, options))
    manifest = Manifest(
        model=name,
        dimensions=files.dimensions,
        max_tokens=files.max_tokens,
        precision=files.precision,
        cosine=files.cosine,
        source=files.source,
        versions=files.versions,
        files=checksums(folder),
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2))
    return manifest


def _swap(new: Path, target: Path, old: Path) -> None:
    if target.exists():
        target.rename(old)
    new.rename(target)
    rmtree(old, ignore_errors=True)


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            sync_folder(path)
    sync_folder(folder)
