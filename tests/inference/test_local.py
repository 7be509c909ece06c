import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest

from profilestream.inference.local import LocalEmbedder
from profilestream.inference.repository import ModelDirectory
from profilestream.schemas.errors import ArtefactError


def test_no_torch_in_the_process(tiny: ModelDirectory) -> None:
    """A worker that embeds by itself keeps to its memory: neither torch nor transformers come with it."""
    program = """
import asyncio, sys
from pathlib import Path
from profilestream.inference.local import LocalEmbedder
rows = asyncio.run(LocalEmbedder(Path(sys.argv[1])).embed(["text"]))
print(rows.shape, *({"torch", "transformers", "onnx"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program, str(tiny.path)], check=True, capture_output=True, text=True)
    assert done.stdout == "(1, 32)\n"


def test_a_damaged_model_is_refused_by_name(tiny: ModelDirectory, tmp_path: Path) -> None:
    """A flipped bit on the disk is reported with the file, not as strange vectors."""
    damaged = copytree(tiny.path, tmp_path / "tiny")
    content = bytearray((damaged / "1" / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (damaged / "1" / "model.onnx").write_bytes(content)
    with pytest.raises(ArtefactError, match=r"1/model\.onnx does not match"):
        LocalEmbedder(damaged)
