"""Folders below the data home, where downloads, prepared models and the logs of local servers are kept."""

import os
from pathlib import Path

from ...schemas.errors import SetupError


def private_folder(folder: Path) -> Path:
    """Make a folder that only this user may enter, as messages pass through; an existing one keeps its mode.

    Returns:
        The folder, as an absolute path.

    Raises:
        SetupError: It cannot be made or written to.
    """
    folder = folder.absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SetupError(f"{folder} is not writable.\nSet PROFILESTREAM_HOME to a folder of your own.")
    return folder


def unwritable(place: Path, error: OSError) -> SetupError:
    """The error for a person when `place` could not be written, e.g. because the disk is full."""
    return SetupError(
        f"Cannot write to {place}: {error.strerror or error}.\n"
        "Free some disk space there, or set PROFILESTREAM_HOME to another folder."
    )
