"""Dagster's SQLite event log without a disk flush for every event.

Dagster opens a connection an event and closes it again, and SQLite flushes at each commit and at each last close: some
forty flushes an asset, most of a small run's time. With `synchronous = normal` and an idle connection held open to each
file, flushes happen at checkpoints only. A killed process loses nothing; a power cut may lose the last seconds of run
history, never the store or the ledger, which flush for themselves.

The UI follows a run by watching its file. Between checkpoints events go to another file beside it, so a connection that
wrote touches the file as it closes.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from functools import cache
from typing import Any


@cache
def flush_at_checkpoints() -> None:
    """Apply the above to every SQLite connection that Dagster opens in this process."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    event.listen(Engine, "connect", _relax)
    event.listen(Engine, "close", _touch)


def _relax(connection: Any, _: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("pragma synchronous = normal")
        path = _path(connection)
        if path and path not in _kept_open:
            _keep_open(connection, path)


def _touch(connection: Any, _: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        # A file that is gone, or a connection that is closed already, has nobody to tell.
        with suppress(FileNotFoundError, sqlite3.Error):
            if connection.total_changes and (path := _path(connection)):
                os.utime(path)


def _path(connection: sqlite3.Connection) -> str:
    return str(connection.execute("pragma database_list").fetchone()[2])


def _keep_open(connection: sqlite3.Connection, path: str) -> None:
    # A new file is not in WAL mode yet: its keeper opens with the next connection.
    if connection.execute("pragma journal_mode").fetchone()[0] == "wal":
        keeper = sqlite3.connect(path, check_same_thread=False)
        keeper.execute("select count(*) from sqlite_master").fetchone()
        _kept_open[path] = keeper


_kept_open: dict[str, sqlite3.Connection] = {}
