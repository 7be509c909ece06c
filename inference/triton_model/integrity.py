"""Whether a model's folder holds what was written: checked where it is loaded, so that half a model never answers."""

import hashlib
import json
from pathlib import Path


def check(folder: Path) -> None:
    """Compare every file of a model's folder with its `manifest.json`.

    Raises:
        ValueError: A file is missing or another one; the message names it.
    """
    files: dict[str, str] = json.loads((folder / "manifest.json").read_bytes())["files"]
    for name, expected in files.items():
        try:
            with (folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ValueError(f"{name} cannot be read: {error.strerror}") from error
        if found != expected:
            raise ValueError(f"{name} does not match its checksum in manifest.json")
