"""Finished heads on disk: whole, checked, with their versions; a broken one is set aside, never a reason to stop."""

import json
import time
from pathlib import Path

import structlog

from ...inference.artefacts import need_value, read_file, sha256_hex, write_file
from ...inference.heads import Head
from ...schemas.errors import ArtefactError

_KEPT = 3  # versions of each head
_KIND = "manifest of a head"

log = structlog.get_logger(__name__)


class HeadRegistry:
    """Heads by encoder, task and version: `ENCODER/TASK.vN.safetensors` with a manifest that has its checksum.

    The manifest is written last, so a head without one was never finished.

    Args:
        folder: Where to keep them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, head: Head) -> None:
        """Keep a head, and the two versions before it.

        Raises:
            ArtefactError: It cannot be written.
        """
        path = self._path(head.encoder, head.task, head.version)
        data = head.to_bytes()
        write_file(path, data)
        manifest = {"kind": _KIND, "sha256": sha256_hex(data), "version": head.version, "labels": len(head.labels)}
        write_file(path.with_suffix(".json"), json.dumps(manifest).encode())
        self.keep(head.encoder, head.task, _KEPT)

    def latest(self, encoder: str, task: str) -> Head | None:
        """The newest head that is whole; those that are not are set aside."""
        for version in reversed(self.versions(encoder, task)):
            path = self._path(encoder, task, version)
            try:
                return self._read(path, encoder, task, version)
            except ArtefactError as error:
                set_aside(path, str(error))
                set_aside(path.with_suffix(".json"), "its head was set aside")
        return None

    def versions(self, encoder: str, task: str) -> list[int]:
        """Versions that were finished, the oldest first."""
        found = self._path(encoder, task, 0).parent.glob(f"{_safe(task)}.v*.json")
        return sorted(int(path.stem.rpartition(".v")[2]) for path in found if path.stem.rpartition(".v")[2].isdigit())

    def keep(self, encoder: str, task: str, newest: int) -> None:
        """Remove all but the newest versions of a head; an erased user is in the older ones."""
        for version in self.versions(encoder, task)[:-newest]:
            path = self._path(encoder, task, version)
            path.with_suffix(".json").unlink(missing_ok=True)
            path.unlink(missing_ok=True)

    def _read(self, path: Path, encoder: str, task: str, version: int) -> Head:
        try:
            manifest = json.loads(read_file(path.with_suffix(".json")))
        except ValueError as error:
            raise ArtefactError(f"{path.with_suffix('.json')} is not JSON ({error})") from error
        head = Head.from_bytes(read_file(path), sha256=need_value(_KIND, manifest, "sha256", str))
        if (head.encoder, head.task, head.version) != (encoder, task, version):
            raise ArtefactError(f"{path} holds the {head.task} head v{head.version} for {head.encoder}")
        return head

    def _path(self, encoder: str, task: str, version: int) -> Path:
        return self._folder / _safe(encoder) / f"{_safe(task)}.v{version}.safetensors"


def set_aside(path: Path, reason: str) -> None:
    """Rename a damaged file, so that it can be looked at and is not read again; say why."""
    if not path.exists():
        return
    aside = path.with_name(f"{path.name}.broken-{time.time_ns()}")
    try:
        path.rename(aside)
    except OSError as error:
        raise ArtefactError(f"{path} is damaged and cannot be set aside: {error.strerror}. Remove it.") from error
    log.error("damaged file set aside", reason=reason, file=str(aside))


def _safe(name: str) -> str:
    """A file name of a name: letters, digits, dots, dashes; others as their code."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else f"%{ord(c):x}" for c in name)
