"""The ledger: what was learned from whom, whatever happens to the process or the file."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from profilestream.continual.heads.ledger import Ledger, Lesson
from profilestream.inference.features import on_grid
from profilestream.schemas.errors import ArtefactError

from .texts import texts


def lesson(number: int, user: str = "ada", label: str = "cats", task: str = "interest") -> Lesson:
    """A lesson with an embedding of its own."""
    rows, _ = texts(number, 1)
    return Lesson(
        id=f"f{number}",
        user=user,
        task=task,
        label=label,
        time=number,
        text=f"text {number}",
        encoder="e1",
        embedding=on_grid(rows)[0],
    )


def everything(ledger: Ledger) -> list[Lesson]:
    """All lessons, in order."""
    return [found for batch in ledger.lessons() for found in batch]


def test_lessons_come_back_to_the_last_bit(tmp_path: Path) -> None:
    """What is subtracted has to be what was added."""
    ledger = Ledger(tmp_path / "l.sqlite")
    lessons = [lesson(n) for n in range(1200)]
    ledger.add(lessons, {0: 7, 3: 9})
    ledger.close()
    again = Ledger(tmp_path / "l.sqlite")
    found = everything(again)
    assert [item.id for item in found] == [item.id for item in lessons]
    np.testing.assert_array_equal([item.embedding for item in found], [item.embedding for item in lessons])
    assert again.positions() == {0: 7, 3: 9}
    assert again.known(["f1", "stranger"]) == {"f1"}


def test_label_ids_never_change(tmp_path: Path) -> None:
    """By order of appearance; where profiles hold another order, that one goes first."""
    ledger = Ledger(tmp_path / "l.sqlite")
    ledger.add(
        [lesson(1, label="b"), lesson(2, label="a"), lesson(3, label="b"), lesson(4, label="x", task="intent")], {}
    )
    assert ledger.labels("interest") == ("b", "a")
    ledger.forget("ada")
    ledger.add([lesson(5, label="c")], {})
    assert ledger.labels("interest") == ("b", "a", "c")
    ledger.name("interest", ("a", "z"))
    assert ledger.labels("interest") == ("a", "z", "b", "c")
    assert ledger.tasks() == ["intent", "interest"]


def test_the_oldest_go_when_there_is_no_more_room() -> None:
    """They are handed back, so that heads forget them too."""
    ledger = Ledger(capacity=3)
    assert ledger.add([lesson(n) for n in range(3)], {}) == []
    gone = ledger.add([lesson(n) for n in range(3, 5)], {})
    assert [item.id for item in gone] == ["f0", "f1"]
    assert [item.id for item in everything(ledger)] == ["f2", "f3", "f4"]


def test_a_user_is_forgotten_without_a_trace(tmp_path: Path) -> None:
    """Neither texts nor embeddings stay in the file, and other processes can see that somebody went."""
    path = tmp_path / "l.sqlite"
    ledger, beside = Ledger(path), Ledger(path)
    ledger.add([lesson(1, "bob"), lesson(2), lesson(3, "bob")], {0: 3})
    assert [item.id for item in beside.forget("bob")] == ["f1", "f3"]
    assert [item.id for item in everything(ledger)] == ["f2"]
    assert ledger.erasures == 1
    assert ledger.unpublished
    ledger.published()
    assert not ledger.unpublished
    assert b"text 1" not in path.read_bytes()
    assert b"text 2" in path.read_bytes()


@pytest.mark.parametrize("damage", ["cut", "scribbled", "another"])
def test_a_damaged_file_is_set_aside_and_begun_anew(tmp_path: Path, damage: str) -> None:
    """Feedback can be read again; the file stays to be looked at, and nothing crashes twice."""
    path = tmp_path / "l.sqlite"
    ledger = Ledger(path)
    ledger.add([lesson(n) for n in range(600)], {0: 600})
    ledger.close()
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "scribbled":
        data[8192:40960] = bytes(32768)
    else:
        data = bytearray(b"no database at all " * 1000)
    path.write_bytes(data)
    for _ in range(2):
        anew = Ledger(path)
        assert len(anew) == 0
        assert anew.positions() == {}
        anew.close()
    assert len(list(tmp_path.glob("l.sqlite.broken-*"))) == 1


def test_a_later_version_is_left_alone(tmp_path: Path) -> None:
    """A file from the future is not damaged: it is refused, not set aside."""
    path = tmp_path / "l.sqlite"
    Ledger(path).close()
    with sqlite3.connect(path) as database:
        database.execute("pragma user_version = 99")
    with pytest.raises(ArtefactError, match="later version"):
        Ledger(path)
    assert path.exists()


def test_lessons_move_to_another_encoder() -> None:
    """Texts and labels stay, embeddings are replaced."""
    ledger = Ledger()
    ledger.add([lesson(n) for n in range(3)], {})
    rows = on_grid(texts(99, 3)[0])
    moved = ledger.re_embed(everything(ledger), "e2", rows)
    assert {item.encoder for item in everything(ledger)} == {"e2"}
    np.testing.assert_array_equal([item.embedding for item in everything(ledger)], rows)
    assert moved["f1"].text == "text 1"
