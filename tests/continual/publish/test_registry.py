"""The registry on disk: whole, exclusive, checked."""

import threading
from pathlib import Path

import pytest

from profilestream.continual.publish.registry import ModelRegistry
from profilestream.continual.publish.versions import Book, ModelVersion
from profilestream.schemas.errors import ArtefactError, ConfigurationError, SetupError
from tests.continual.publish.world import bundle, damage


def test_changes_of_several_processes_add_up(tmp_path: Path) -> None:
    """Nobody overwrites what another has just written."""

    def add(worker: int) -> None:
        registry = ModelRegistry(tmp_path)  # a lock of its own, as another process has
        for number in range(5):
            version = ModelVersion(name=f"encoder-{worker}-{number}", state="begun", source={})
            registry.change(lambda book, version=version: book.with_version(version))

    threads = [threading.Thread(target=add, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    book = ModelRegistry(tmp_path).book()
    assert (len(book.versions), book.generation) == (20, 20)


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    """The file is that from before."""
    registry = ModelRegistry(tmp_path)
    registry.change(lambda book: book.with_version(ModelVersion(name="encoder-v1", state="begun", source={})))
    before = registry.book()
    with pytest.raises(ConfigurationError, match="there is no model"):
        registry.change(lambda book: book.moved("encoder-v9", "refused", 1))
    assert registry.book() == before


def test_a_damaged_book_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    """Otherwise everything would be forgotten with the next change."""
    registry = ModelRegistry(tmp_path)
    registry.change(lambda _: Book())
    damage(tmp_path / "registry.json")
    with pytest.raises(ArtefactError, match="damaged"):
        registry.change(lambda book: book)


def test_a_bundle_comes_back_and_the_newer_one_replaces_it(tmp_path: Path) -> None:
    """With all its parts, and no file of the older one stays."""
    registry = ModelRegistry(tmp_path)
    registry.put_bundle(bundle("encoder-v2", labels=("cats",)))
    registry.put_bundle(bundle("encoder-v2"))
    found = registry.bundle("encoder-v2")
    assert found.artefacts() == bundle("encoder-v2").artefacts()
    assert len(list((tmp_path / "encoder-v2").iterdir())) == len(found.artefacts()) + 1


def test_a_damaged_part_of_a_bundle_is_refused(tmp_path: Path) -> None:
    """A codebook with a flipped bit would misplace every interest."""
    registry = ModelRegistry(tmp_path)
    registry.put_bundle(bundle("encoder-v2"))
    damage(max((tmp_path / "encoder-v2").iterdir(), key=lambda path: path.stat().st_size))
    with pytest.raises(ArtefactError, match="does not match its checksum"):
        registry.bundle("encoder-v2")
    registry.put_bundle(bundle("encoder-v2"))
    assert registry.bundle("encoder-v2").encoder == "encoder-v2"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Said with its path."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="cannot be written"):
        ModelRegistry(tmp_path / "file" / "registry").change(lambda book: book)
