"""From an encoder's folder to a model that Triton and the in-process encoder can run; done once."""

import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import structlog

from ..schemas.errors import ArtefactError, ConfigurationError, SetupError
from .manifest import Precision, file_sha256
from .repository import (
    VERSION,
    ModelDirectory,
    ModelFiles,
    ServingOptions,
    check_name,
    config,
    open_model,
    scripts,
    write_model,
)

log = structlog.get_logger(__name__)

Report = Callable[[str], None]

_SOURCE_FILES = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
)
_PACKAGES = ("torch", "transformers", "onnx", "onnxruntime", "tokenizers", "profilestream")


def prepare_encoder(
    source: Path,
    repository: Path,
    name: str,
    report: Report,
    *,
    precision: Precision = "int8",
    options: ServingOptions | None = None,
) -> ModelDirectory:
    """Export an encoder into a Triton model repository, unless the same one is there already and undamaged.

    Args:
        source: The encoder's folder; see `encoder.load_encoder`.
        repository: Triton's model repository; the model goes into `<repository>/<name>`.
        name: The model's name.
        report: Told what is being done.
        precision: `int8` for CPUs, `fp32` for GPUs.
        options: How Triton runs it.

    Raises:
        ConfigurationError: The source is not an encoder, or the name not a name.
        ArtefactError: The source is damaged, the export not faithful, or the disk full.
        SetupError: The packages of the `train` extra are missing.
    """
    check_name(name)
    options = options or ServingOptions()
    origin = fingerprint(source)
    exported = _exported(repository / name, origin, precision)
    if exported and _current(exported, options):
        return exported
    if exported:  # only what runs it has changed: no need to export again
        return write_model(repository, name, _files_of(exported), options)
    with tempfile.TemporaryDirectory(prefix="profilestream-") as scratch:
        files = _export(source, origin, precision, Path(scratch), report)
        report(f"writing {name}")
        written = write_model(repository, name, files, options)
    log.info("model prepared", model=name, precision=precision, cosine=round(files.cosine, 4))
    return written


def fingerprint(source: Path) -> dict[str, str]:
    """What an encoder's folder is made of: SHA-256 by file name.

    Raises:
        ConfigurationError: It is no folder.
    """
    if not source.is_dir():
        raise ConfigurationError(f"{source} is not a folder: give the folder of an encoder.")
    return {name: file_sha256(source / name) for name in _SOURCE_FILES if (source / name).is_file()}


def _exported(path: Path, source: dict[str, str], precision: Precision) -> ModelDirectory | None:
    """The model that is there, if it is whole and was made of the same encoder."""
    try:
        model = open_model(path)
    except (ArtefactError, OSError) as error:
        log.debug("model not there", reason=str(error))
        return None
    return model if (model.manifest.source, model.manifest.precision) == (source, precision) else None


def _current(model: ModelDirectory, options: ServingOptions) -> bool:
    """Whether configuration and scripts are those that would be written now."""
    manifest = model.manifest
    wanted = config(manifest.model, manifest.dimensions, manifest.max_tokens, options)
    return (model.path / "config.pbtxt").read_text() == wanted and all(
        manifest.files.get(f"{VERSION}/{script.name}") == file_sha256(script) for script in scripts()
    )


def _files_of(model: ModelDirectory) -> ModelFiles:
    manifest = model.manifest
    return ModelFiles(
        onnx=model.artefacts / "model.onnx",
        tokenizer=model.artefacts / "tokenizer.json",
        dimensions=manifest.dimensions,
        max_tokens=manifest.max_tokens,
        precision=manifest.precision,
        cosine=manifest.cosine,
        source=manifest.source,
        versions=manifest.versions,
    )


def _export(source: Path, origin: dict[str, str], precision: Precision, scratch: Path, report: Report) -> ModelFiles:
    try:  # torch: only when there is something to export, never in a worker
        from .encoder import load_encoder  # noqa: PLC0415
        from .export import export_fp32, export_int8  # noqa: PLC0415
    except ImportError as error:
        raise SetupError(
            f"Preparing an encoder needs {error.name}: pip install 'profilestream[local,train]'."
        ) from error
    report("loading the encoder")
    encoder = load_encoder(source)
    report("exporting to ONNX and comparing with torch")
    onnx, cosine = scratch / "fp32.onnx", 1.0
    export_fp32(encoder, onnx)
    if precision == "int8":
        report("quantising to int8 and comparing with torch")
        cosine = export_int8(encoder, onnx, scratch / "int8.onnx")
        onnx = scratch / "int8.onnx"
    return ModelFiles(
        onnx=onnx,
        tokenizer=source / "tokenizer.json",
        dimensions=encoder.dimensions,
        max_tokens=encoder.max_tokens,
        precision=precision,
        cosine=cosine,
        source=origin,
        versions={package: version(package) for package in _PACKAGES},
    )
