"""What was learned from whom: a small database on disk from which every head can be made again.

A text, its label, its user, its embedding on the grid (768 bytes at 384 dimensions) and how far `feedback` was read
are written in one transaction, so after a crash nothing is learned twice or left out. All that is in a head is in here:
what is removed here and subtracted there is forgotten exactly, and the room is bounded, by forgetting the oldest.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import structlog

from ...inference.embedder import Embeddings
from ...inference.features import GRID
from ...schemas.errors import ArtefactError
from .durable import set_aside

VERSION = 1
LEDGER = "ledger.sqlite"
"""Its name in the learner's folder."""
_SCHEMA = """
create table if not exists labels (task text, id integer, label text, primary key (task, id), unique (task, label));
create table if not exists lessons (
    seq integer primary key autoincrement, id text unique, user text, task text, label text, time integer, text text,
    encoder text, embedding blob);
create index if not exists lessons_of_user on lessons (user);
create table if not exists positions (partition integer primary key, next integer);
create table if not exists state (name text primary key, value integer);
insert or ignore into state values ('erasures', 0), ('published', 0);
"""
_COLUMNS = "id, user, task, label, time, text, encoder, embedding"
_BATCH = 512

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lesson:
    """A labelled text that is in a head.

    Attributes:
        id: Of the feedback.
        user: Whose text it is.
        task, label: What it was told to be.
        time: When, in ms.
        text: Redacted.
        encoder: Whose embedding it is.
        embedding: On the grid, shape (d,).
    """

    id: str
    user: str
    task: str
    label: str
    time: int
    text: str
    encoder: str
    embedding: Embeddings


class Ledger:
    """Lessons, label ids and positions, on disk or (without a path) in memory.

    Args:
        path: A file of its own; one that is damaged is set aside and begun anew, as feedback can be read again.
        capacity: Most lessons; beyond it the oldest are forgotten.

    Raises:
        ArtefactError: It cannot be made, or was written by a later version.
    """

    def __init__(self, path: Path | None = None, *, capacity: int = 100_000) -> None:
        self.capacity = capacity
        self._path = path
        try:
            self._database = _open(path)
        except sqlite3.DatabaseError as error:
            if path is None:
                raise
            set_aside(path, f"the ledger of what was learned is damaged ({error}); feedback is read again")
            self._database = _open(path)

    def close(self) -> None:
        """Release the file."""
        self._database.close()

    @property
    def erasures(self) -> int:
        """Grows when a user was removed, by whichever process."""
        return int(self._one("select value from state where name = 'erasures'"))

    @property
    def unpublished(self) -> bool:
        """Whether a user was removed whom heads on disk may still know."""
        return int(self._one("select value from state where name = 'published'")) < self.erasures

    def published(self) -> None:
        """Every head on disk was made without those who were removed."""
        with self._database:
            self._database.execute("update state set value = ? where name = 'published'", (self.erasures,))

    def __len__(self) -> int:
        return int(self._one("select count(*) from lessons"))

    def positions(self) -> dict[int, int]:
        """For each partition of `feedback` the next offset to read."""
        return dict(self._database.execute("select partition, next from positions"))

    def labels(self, task: str) -> tuple[str, ...]:
        """Labels in the order of their ids, which never change."""
        rows = self._database.execute("select label from labels where task = ? order by id", (task,))
        return tuple(label for (label,) in rows)

    def tasks(self) -> list[str]:
        """Tasks that have labels."""
        return [task for (task,) in self._database.execute("select distinct task from labels order by task")]

    def name(self, task: str, labels: Sequence[str]) -> None:
        """Give the labels these ids, those that are known after them the next ones."""
        known = self.labels(task)
        order = [*labels, *(label for label in known if label not in set(labels))]
        if tuple(order) == known:
            return
        with self._database:
            self._database.execute("delete from labels where task = ?", (task,))
            rows = [(task, at, label) for at, label in enumerate(order)]
            self._database.executemany("insert into labels values (?, ?, ?)", rows)

    def known(self, ids: Iterable[str]) -> set[str]:
        """Which of these ids of feedback were learned."""
        wanted = list(ids)
        marks = ",".join("?" * len(wanted))
        return {row[0] for row in self._database.execute(f"select id from lessons where id in ({marks})", wanted)}  # noqa: S608

    def add(self, lessons: Sequence[Lesson], positions: Mapping[int, int]) -> list[Lesson]:
        """Write lessons and how far was read, all or nothing.

        Returns:
            The lessons that had to go for them, to be subtracted from the heads.

        Raises:
            ArtefactError: The disk is full, for example.
        """
        try:
            with self._database:
                for lesson in lessons:
                    self._database.execute(
                        "insert or ignore into labels select ?, count(*), ? from labels where task = ?",
                        (lesson.task, lesson.label, lesson.task),
                    )
                self._database.executemany(
                    f"insert or ignore into lessons ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                    [_row(lesson) for lesson in lessons],
                )
                moved = "insert into positions values (?, ?) on conflict do update set next = excluded.next"
                self._database.executemany(moved, list(positions.items()))
                return self._forget_oldest()
        except sqlite3.Error as error:
            raise ArtefactError(f"cannot write {self._path}: {error}. Free some disk space there.") from error

    def lessons(self) -> Iterator[list[Lesson]]:
        """All lessons in the order in which they came, in batches; what is written meanwhile does not disturb it."""
        last = 0
        page = f"select seq, {_COLUMNS} from lessons where seq > ? order by seq limit {_BATCH}"  # noqa: S608
        while rows := self._database.execute(page, (last,)).fetchall():
            last = rows[-1][0]
            yield [_lesson(row[1:]) for row in rows]

    def re_embed(self, lessons: Sequence[Lesson], encoder: str, embeddings: Embeddings) -> dict[str, Lesson]:
        """Replace the embeddings of lessons by another encoder's, on the grid, shape (n, d).

        Returns:
            The lessons as they are now, by id.
        """
        moved = [
            replace(lesson, encoder=encoder, embedding=row) for lesson, row in zip(lessons, embeddings, strict=True)
        ]
        with self._database:
            self._database.executemany(
                "update lessons set encoder = ?, embedding = ? where id = ?",
                [(encoder, _bytes(lesson.embedding), lesson.id) for lesson in moved],
            )
        return {lesson.id: lesson for lesson in moved}

    def forget(self, user: str) -> list[Lesson]:
        """Remove all of a user's lessons from the file, its free pages included; their labels keep their ids."""
        found = self._database.execute(f"select {_COLUMNS} from lessons where user = ?", (user,)).fetchall()  # noqa: S608
        with self._database:
            self._database.execute("delete from lessons where user = ?", (user,))
            self._database.execute("update state set value = value + 1 where name = 'erasures'")
        self._database.execute("pragma wal_checkpoint(truncate)")
        return [_lesson(row) for row in found]

    def _forget_oldest(self) -> list[Lesson]:
        excess = max(0, len(self) - self.capacity)
        oldest = f"select {_COLUMNS} from lessons order by seq limit ?"  # noqa: S608
        gone = [_lesson(row) for row in self._database.execute(oldest, (excess,))]
        self._database.executemany("delete from lessons where id = ?", [(lesson.id,) for lesson in gone])
        return gone

    def _one(self, query: str) -> int:
        found: int = self._database.execute(query).fetchone()[0]
        return found


def _open(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Used by one thread at a time.
    database = sqlite3.connect(path or ":memory:", timeout=30.0, check_same_thread=False)
    try:
        database.execute("pragma journal_mode = wal")
        database.execute("pragma secure_delete = on")
        _check(database, path)
        database.executescript(_SCHEMA)
        database.execute(f"pragma user_version = {VERSION}")
    except BaseException:
        database.close()
        raise
    return database


def _check(database: sqlite3.Connection, path: Path | None) -> None:
    if database.execute("pragma quick_check").fetchone() != ("ok",):
        raise sqlite3.DatabaseError("its check fails")
    if database.execute("pragma user_version").fetchone()[0] > VERSION:
        raise ArtefactError(f"{path} was written by a later version of profilestream: use that one.")


def _row(lesson: Lesson) -> tuple[object, ...]:
    return (
        lesson.id,
        lesson.user,
        lesson.task,
        lesson.label,
        lesson.time,
        lesson.text,
        lesson.encoder,
        _bytes(lesson.embedding),
    )


def _lesson(row: Sequence[object]) -> Lesson:
    *texts, embedding = row
    assert isinstance(embedding, bytes)  # noqa: S101  the schema says so
    vector = (np.frombuffer(embedding, dtype="<i2") * GRID).astype(np.float32)
    names = ("id", "user", "task", "label", "time", "text", "encoder")
    return Lesson(**dict(zip(names, texts, strict=True)), embedding=vector)  # type: ignore[arg-type]


def _bytes(embedding: Embeddings) -> bytes:
    """On the grid an entry of a unit vector is a whole number of at most 8,192: two bytes hold it exactly."""
    return np.round(embedding / GRID).astype("<i2").tobytes()
