"""Moments of a run at which its process kills itself (SIGKILL): a step of it, counted as they come, or a time.

    generation   a token of a batch is drawn
    flush        the ledger writes a group of answers, flushes it, enters it in the index
    compaction   answers are copied into Parquet
    store        a draft's Parquet files are written and flushed
    rename       a version gets its place in the store, or an asset's name is moved to it
    record       the record of a version is written, the key that finds it again, the line of the run
    time         any moment at all

Watching is done by standing in front of the calls of the operating system, and telling by the stack what they are for.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

STEPS = ("generation", "flush", "compaction", "store", "rename", "record")

# What a module of ot_resources, or a function of it, is at; the innermost frame that is listed counts.
_KINDS = {
    ("segments", None): "flush",
    ("exporting", None): "compaction",
    ("store", "write"): "store",
    ("store", "_join_dropped"): "store",
    ("store", "_fsync_tree"): "store",
    ("store", "commit"): "rename",
    ("store", "point"): "rename",
    ("store", "_write_durably"): "record",
    ("store", "log"): "record",
}
_CALLS = ("write", "fsync", "fdatasync", "rename", "replace")


@dataclass(frozen=True)
class Moment:
    """The `number`-th (from 1) step of a kind, or `number` seconds after the start; before it, halfway, or after it."""

    kind: str
    number: float
    when: str = "before"


class Watch:
    """Counts the steps of this process, tells them line by line to `note`, and kills it at the moment."""

    def __init__(self, note: Callable[[str], None], moment: Moment | None) -> None:
        self._note = note
        self._moment = moment
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def begin(self) -> None:
        """From now on."""
        import polars as pl
        import pyarrow.parquet as pq

        from ot_resources.generators import embedded, ledger

        for name in _CALLS:
            setattr(os, name, self._watched(getattr(os, name), _told_by_the_stack))
        pl.collect_all = self._watched(pl.collect_all, _told_by_the_stack)
        pq.ParquetWriter.write_table = self._watched(pq.ParquetWriter.write_table, _told_by_the_stack)
        ledger._index = self._watched(ledger._index, lambda: "flush")
        embedded._OwnSeeds.__call__ = self._watched(embedded._OwnSeeds.__call__, lambda: "generation")
        if self._moment is not None and self._moment.kind == "time":
            alarm = threading.Timer(self._moment.number, _die)
            alarm.daemon = True
            alarm.start()

    def _watched(self, call: Callable[..., Any], kind_of: Callable[[], str | None]) -> Callable[..., Any]:
        @wraps(call)
        def watched(*arguments: Any, **options: Any) -> Any:
            kind = kind_of()
            if kind is None or not self._is_it(kind):
                return call(*arguments, **options)
            assert self._moment is not None
            if self._moment.when == "half" and call.__name__ == "write":
                call(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            elif self._moment.when == "after":
                call(*arguments, **options)
            _die()

        return watched

    def _is_it(self, kind: str) -> bool:
        with self._lock:
            self._seen[kind] += 1
            self._note(f"step {kind}")
            return self._moment is not None and (self._moment.kind, self._moment.number) == (kind, self._seen[kind])


def _told_by_the_stack() -> str | None:
    frame = sys._getframe(2)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if "ot_resources" in path.parts:
            for place in ((path.stem, frame.f_code.co_name), (path.stem, None)):
                if place in _KINDS:
                    return _KINDS[place]
        frame = frame.f_back  # type: ignore[assignment]
    return None


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
