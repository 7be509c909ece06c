"""Items in SQLite: the write-ahead log makes each change whole or absent after a crash.

The only place that knows of `sqlite3`. Arrays are stored as little-endian float32; nothing is ever unpickled.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...schemas.errors import ArtefactError
from .item import Item

_VERSION = 1
_FIELDS = "id, text, label, task, user, model, time, logits, embedding"
_SCHEMA = """
CREATE TABLE items (
    id TEXT PRIMARY KEY, text TEXT NOT NULL, label TEXT NOT NULL, task TEXT NOT NULL, user TEXT NOT NULL,
    model TEXT NOT NULL, time INTEGER NOT NULL, logits BLOB NOT NULL, embedding BLOB NOT NULL,
    size INTEGER NOT NULL, bunch TEXT NOT NULL, rank REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX by_bunch ON items (bunch, rank);
CREATE INDEX by_user ON items (user, rank);
CREATE TABLE totals (items INTEGER NOT NULL, bytes INTEGER NOT NULL);
INSERT INTO totals VALUES (0, 0);
CREATE TABLE bunches (bunch TEXT PRIMARY KEY, items INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX by_items ON bunches (items);
CREATE TRIGGER came AFTER INSERT ON items BEGIN
    UPDATE totals SET items = items + 1, bytes = bytes + new.size;
    INSERT INTO bunches VALUES (new.bunch, 1) ON CONFLICT (bunch) DO UPDATE SET items = items + 1;
END;
CREATE TRIGGER went AFTER DELETE ON items BEGIN
    UPDATE totals SET items = items - 1, bytes = bytes - old.size;
    UPDATE bunches SET items = items - 1 WHERE bunch = old.bunch;
END;
"""


class Storage:
    """The table of items with running totals.

    Args:
        path: The database file; None: in memory.

    Raises:
        ArtefactError: The file is damaged, or is not a buffer.
    """

    def __init__(self, path: Path | None) -> None:
        self._where = str(path or "memory")
        with self._told():
            if path:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None)
            self._open()

    def _open(self) -> None:
        # FULL: a commit is on disk before `add` returns. secure_delete: what is erased is overwritten with zeros.
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
            self._db.execute(f"PRAGMA {pragma}")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            with self.transaction():
                for statement in sqlite_statements(_SCHEMA):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {_VERSION}")
        elif version != _VERSION:
            raise ArtefactError(f"{self._where} is a buffer of version {version}, this program knows {_VERSION}.")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes of the block, or none."""
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def put(self, item: Item, bunch: str, rank: float) -> None:
        """Insert, or replace the one with the same id."""
        self._db.execute("DELETE FROM items WHERE id = ?", (item.id,))
        words = (item.id, item.text, item.label, item.task, item.user, item.model, item.time)
        arrays = (_packed(item.logits), _packed(item.embedding))
        row = (*words, *arrays, item.size, bunch, rank)
        self._db.execute("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def evict(self) -> int:
        """Delete the item with the highest rank of the largest bunch; returns its size."""
        return int(
            self._db.execute(
                "DELETE FROM items WHERE id = (SELECT id FROM items WHERE bunch = "
                "(SELECT bunch FROM bunches ORDER BY items DESC, bunch LIMIT 1) ORDER BY rank DESC, id LIMIT 1) "
                "RETURNING size"
            ).fetchall()[0][0]
        )

    def trim_user(self, user: str, most: int) -> None:
        """Leave a user the `most` items with the lowest ranks."""
        self._db.execute(
            "DELETE FROM items WHERE id IN (SELECT id FROM items WHERE user = ? ORDER BY rank, id LIMIT -1 OFFSET ?)",
            (user, most),
        )

    def remove_user(self, user: str) -> int:
        """Delete a user's items; returns how many."""
        return self._db.execute("DELETE FROM items WHERE user = ?", (user,)).rowcount

    def wipe(self) -> None:
        """Leave no trace of deleted rows: the write-ahead log is emptied too."""
        with self._told():
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def ids(self) -> list[str]:
        """All ids, in order."""
        with self._told():
            return [row[0] for row in self._db.execute("SELECT id FROM items ORDER BY id")]

    def get(self, ids: Sequence[str]) -> list[Item]:
        """These items, in this order."""
        with self._told():
            query = f"SELECT {_FIELDS} FROM items WHERE id = ?"  # noqa: S608 - our own constant
            return [_item(self._db.execute(query, (id_,)).fetchone()) for id_ in ids]

    def count_by(self, column: Literal["label", "user"]) -> dict[str, int]:
        """Items for each value of a column."""
        with self._told():
            return dict(self._db.execute(f"SELECT {column}, count(*) FROM items GROUP BY {column}").fetchall())  # noqa: S608

    def totals(self) -> tuple[int, int]:
        """Items and bytes."""
        with self._told():
            items, size = self._db.execute("SELECT items, bytes FROM totals").fetchone()
        return int(items), int(size)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise ArtefactError(f"the replay buffer {self._where} cannot be used: {error}.") from error


def sqlite_statements(script: str) -> Iterator[str]:
    """A script's statements one by one: `executescript` would commit the transaction around it."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _packed(array: NDArray[np.float32]) -> bytes:
    return np.asarray(array, dtype="<f4").tobytes()


def _item(row: tuple[str, str, str, str, str, str, int, bytes, bytes]) -> Item:
    id_, text, label, task, user, model, time, logits, embedding = row
    return Item(
        id=id_,
        text=text,
        label=label,
        task=task,
        user=user,
        model=model,
        time=time,
        logits=np.frombuffer(logits, dtype="<f4"),
        embedding=np.frombuffer(embedding, dtype="<f4"),
    )
