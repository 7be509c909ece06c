"""The registry on disk: the truth about all versions. One file that is replaced whole, and a folder for each bundle."""

import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from ...inference.artefacts import read_file, sha256_hex, write_file
from ...schemas.errors import ArtefactError, SetupError
from .bundle import Bundle
from .versions import Book

_BOOK = "registry.json"
_INDEX = "bundle.json"


class ModelRegistry:
    """Reads and changes the registry. Several processes may do so at once; each change is atomic and forced to disk.

    Args:
        folder: Its own folder, made where it is missing; best on the disk that the models are on.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self._folder

    def book(self) -> Book:
        """What is true now.

        Raises:
            ArtefactError: The file is damaged.
        """
        path = self._folder / _BOOK
        if not path.exists():
            return Book()
        try:
            return Book.model_validate_json(read_file(path))
        except ValidationError as error:
            raise ArtefactError(f"{path} is damaged: put it back from a backup") from error

    def change(self, how: Callable[[Book], Book]) -> Book:
        """Replace the book by what `how` makes of it, while nobody else changes it; returns the new one.

        Raises:
            ArtefactError: It cannot be written.
            ConfigurationError: As `how`; nothing is changed then.
        """
        with self._alone():
            book = how(self.book())
            write_file(self._folder / _BOOK, book.model_dump_json(indent=2).encode())
            return book

    def put_bundle(self, bundle: Bundle) -> None:
        """Keep a bundle; after a crash at any point it is there whole, or the one before is.

        Raises:
            ArtefactError: It cannot be written.
        """
        folder = self._folder / bundle.encoder
        index = {}
        for name, data in bundle.artefacts().items():
            index[name] = sha256_hex(data)
            if not _holds(folder / index[name], data):
                write_file(folder / index[name], data)
        write_file(folder / _INDEX, json.dumps(index, indent=2).encode())
        for path in folder.iterdir():
            if path.name not in {_INDEX, *index.values()}:
                path.unlink()

    def bundle(self, encoder: str) -> Bundle:
        """What goes with an encoder.

        Raises:
            ArtefactError: There is nothing, or it does not match its checksums.
        """
        folder = self._folder / encoder
        if not (folder / _INDEX).exists():
            raise ArtefactError(f"{encoder} has no codebook and heads in the registry: it cannot answer")
        try:
            index: dict[str, str] = json.loads(read_file(folder / _INDEX))
        except ValueError as error:
            raise ArtefactError(f"{folder / _INDEX} is damaged: publish {encoder} again") from error
        artefacts = {name: read_file(folder / checksum) for name, checksum in index.items()}
        for name, data in artefacts.items():
            if sha256_hex(data) != index[name]:
                raise ArtefactError(f"{name} in {folder} does not match its checksum: publish {encoder} again")
        return Bundle.from_artefacts(encoder, artefacts)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = (self._folder / "lock").open("w")
        except OSError as error:
            raise SetupError(f"the registry of models cannot be written at {self._folder}: {error.strerror}") from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and read_file(path) == data
