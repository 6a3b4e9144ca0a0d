"""Verdicts that were given once: by verifier, answer and what it was held against, so that none is worked out twice.

A store of its own beside the tables, since a table of verdicts is made anew when one row is added, and a program that
ran for four seconds need not run again for that. It can be removed at any time: verdicts are then worked out again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from ot_resources.interfaces import BadInput

# Variables that one statement of SQLite may have.
_MOST = 900


class Given(NamedTuple):
    """A verdict as it was given: one of the six, who gave it, why, and the seconds that it took."""

    verdict: str
    by: str
    reason: str
    seconds: float


class Verdicts:
    """The verdicts in `file`, which several processes may use at once. BadInput: the file is damaged."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(file, timeout=60.0, check_same_thread=False)
        self._do("pragma journal_mode = wal")
        self._do("pragma synchronous = normal")
        self._do(
            "create table if not exists verdicts (key blob primary key, verdict text not null, given_by text not null,"
            " reason text not null, seconds real not null) without rowid"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def have(self, keys: Sequence[bytes]) -> dict[bytes, Given]:
        """What is there of these keys."""
        found: dict[bytes, Given] = {}
        for start in range(0, len(keys), _MOST):
            some = keys[start : start + _MOST]
            marks = ",".join("?" * len(some))
            rows = self._do(f"select * from verdicts where key in ({marks})", some)
            found |= {row[0]: Given(*row[1:]) for row in rows}
        return found

    def add(self, given: Iterable[tuple[bytes, Given]]) -> None:
        """Keep verdicts; one that is there already stays."""
        rows = [(key, *one) for key, one in given]
        try:
            with self._lock, self._connection:
                self._connection.executemany("insert or ignore into verdicts values (?, ?, ?, ?, ?)", rows)
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None

    def _do(self, statement: str, values: Sequence[bytes] = ()) -> list[tuple[bytes, str, str, str, float]]:
        try:
            with self._lock:
                return self._connection.execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None

    def _damaged(self, error: sqlite3.DatabaseError) -> Exception:
        if isinstance(error, sqlite3.OperationalError):  # the disk is full, say
            return OSError(f"{self._file}: {error}")
        return BadInput(f"{self._file}: {error}; remove the file, and its verdicts are worked out again")
