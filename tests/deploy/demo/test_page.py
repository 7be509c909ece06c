"""The picture of the page that the demo leaves."""

import shutil
import struct
from pathlib import Path

import pytest

from profilestream.deploy.demo.page import picture
from tests.conftest import skip_if
from tests.stream.api.place import OPTIONS, Place, serving


async def test_a_picture_is_left_where_there_is_a_chromium(tmp_path: Path) -> None:
    """A PNG of a page that has asked for what it shows; its place is said."""
    skip_if(None if shutil.which("chromium") else "no chromium on PATH (Debian: apt-get install chromium)")
    place, file = Place(options=OPTIONS), tmp_path / "page.png"
    async with serving(place) as address:
        assert str(file) in await picture(address, file)
    head = file.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    assert struct.unpack(">II", head[16:]) == (1280, 2000)


async def test_without_one_it_says_how_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture is no failure of the demo."""
    monkeypatch.setenv("PATH", str(tmp_path))
    said = await picture("http://127.0.0.1:1/", tmp_path / "page.png")
    assert "http://127.0.0.1:1/" in said
    assert "--keep" in said
