from pathlib import Path

import pytest

from profilestream.inference.triton_model.cores import usable_cores


@pytest.mark.parametrize("quota", ["max 100000\n", "nonsense", ""])
def test_without_a_quota_all_cores_are_used(tmp_path: Path, quota: str) -> None:
    """On an ordinary machine nothing is held back."""
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    assert usable_cores(file) == usable_cores(tmp_path / "missing") >= 1


def test_a_container_keeps_to_its_quota(tmp_path: Path) -> None:
    """A pod with half a core on a large machine runs one thread, not dozens that are throttled."""
    file = tmp_path / "cpu.max"
    file.write_text("50000 100000\n")
    assert usable_cores(file) == 1
