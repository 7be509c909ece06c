"""Every file is what was written: nothing truncated, nothing swapped."""

from pathlib import Path

from ...inference.repository import open_model
from ...schemas.errors import ArtefactError
from .report import Finding

CHECK = "files"


def check_files(folder: Path) -> Finding:
    """Compare every file of a model's folder with the checksums in its manifest."""
    try:
        manifest = open_model(folder).manifest
    except ArtefactError as error:
        return Finding(check=CHECK, passed=False, reason=str(error))
    reason = f"{len(manifest.files)} files match their checksums"
    return Finding(check=CHECK, passed=True, reason=reason, figures={"files": len(manifest.files)})
