"""What a prepared model is made of: a checksum for every file, and how it came to be."""

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from ..schemas.errors import ArtefactError

MANIFEST = "manifest.json"

Precision = Literal["fp32", "int8"]


class Manifest(BaseModel):
    """The content of `manifest.json` in a model's folder.

    Attributes:
        format: Of the folder; another number means that another profilestream wrote it.
        model: Its name in Triton.
        dimensions: Length of an embedding.
        max_tokens: Longer texts are cut.
        precision: Of its weights and products.
        cosine: Lowest cosine to the original's vectors on the calibration sentences.
        source: Of what it was made: SHA-256 by file name of the encoder.
        versions: Of the packages that made it.
        files: SHA-256 of every other file in the folder, by relative path.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    model: str
    dimensions: int
    max_tokens: int
    precision: Precision
    cosine: float
    source: dict[str, str]
    versions: dict[str, str]
    files: dict[str, str]

    def verify(self, folder: Path) -> None:
        """Check that the folder holds exactly what was written.

        Raises:
            ArtefactError: A file is missing or changed; the message names it.
        """
        for name, expected in self.files.items():
            path = folder / name
            if not path.is_file():
                raise ArtefactError(f"{path} is missing. Prepare the model again.")
            if file_sha256(path) != expected:
                raise ArtefactError(f"{path} does not match its checksum in {MANIFEST}. Prepare the model again.")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a model's folder.

    Raises:
        ArtefactError: There is none, or it cannot be read.
    """
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ArtefactError(f"{folder} holds no prepared model: it has no {MANIFEST}. Prepare it first.") from None
    except (ValidationError, OSError) as error:
        raise ArtefactError(f"{path} cannot be read ({type(error).__name__}). Prepare the model again.") from error


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by relative path, but for the manifest itself."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in files if "__pycache__" not in path.parts}
    return {name: file_sha256(path) for name, path in names.items() if name != MANIFEST}


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
