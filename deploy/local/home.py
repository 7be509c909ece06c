"""Where profilestream keeps what it downloads, prepares and runs on this machine."""

import os
from pathlib import Path

import platformdirs

from ...schemas.errors import SetupError


def data_home() -> Path:
    """The folder for data packages, exported models, Triton's environment and the logs of local servers.

    `PROFILESTREAM_HOME` where it is set, otherwise the platform's usual place (`~/.local/share/profilestream` on
    Linux). It is made where it is missing, for this user only: profiles and messages pass through it.

    Raises:
        SetupError: The folder cannot be made or written to.
    """
    chosen = os.environ.get("PROFILESTREAM_HOME")
    home = Path(chosen).expanduser() if chosen else platformdirs.user_data_path("profilestream")
    return private_folder(home.absolute())


def private_folder(folder: Path) -> Path:
    """Make a folder that only this user may enter; one that exists keeps its mode.

    Raises:
        SetupError: It cannot be made or written to.
    """
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
