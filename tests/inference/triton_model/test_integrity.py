from pathlib import Path
from shutil import copytree

import pytest

from profilestream.inference.repository import ModelDirectory
from profilestream.inference.triton_model.integrity import check


def test_a_whole_model_passes(tiny: ModelDirectory) -> None:
    """What was written may be loaded."""
    check(tiny.path)


@pytest.mark.parametrize("name", ["1/model.onnx", "1/tokenizer.json", "config.pbtxt"])
@pytest.mark.parametrize("damage", ["truncated", "missing"])
def test_half_a_model_is_refused_by_name(tiny: ModelDirectory, tmp_path: Path, name: str, damage: str) -> None:
    """A copy that was cut off never answers."""
    folder = copytree(tiny.path, tmp_path / "tiny")
    if damage == "missing":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    with pytest.raises(ValueError, match=name):
        check(folder)
