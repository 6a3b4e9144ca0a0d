"""Copies of the ledger's responses as Parquet, for queries: `responses/<segment>-<first byte>-<last byte>.parquet`."""

from __future__ import annotations

import json
import os
import re
import time
import uuid
from pathlib import Path
from typing import Any

import polars as pl
from filelock import FileLock

from ot_resources.generators.ledger import Ledger, batched
from ot_resources.generators.segments import Place

COLUMNS = {
    "response_id": pl.String,
    "model": pl.String,
    "messages": pl.String,
    "sampling": pl.String,
    "sample": pl.Int64,
    "text": pl.String,
    "finish_reason": pl.String,
    "prompt_tokens": pl.Int64,
    "completion_tokens": pl.Int64,
    "engine": pl.String,
    "at": pl.String,
}

_NAME = re.compile(r"\d{6,9}-\d{12}-\d{12}\.parquet")
_ROWS_A_GROUP = 2_000
# A segment in more pieces than this is written anew as one; the pieces stay for an hour, for those who read them now.
_PIECES = 16
_GRACE_SECONDS = 3600


def export(ledger: Ledger, join: bool = False) -> None:
    """Copy the responses that are not in Parquet yet; `join` small files, where the catalogue is made anew next."""
    folder = ledger.folder / "responses"
    folder.mkdir(exist_ok=True)
    with FileLock(ledger.folder / "export.lock"):
        there = set(ledger.segments.numbers())
        for number, end in sorted(ledger.ends().items()):
            if number not in there:  # somebody removed it: its copies stay
                continue
            pieces = [piece for piece in _pieces(folder) if piece.number == number]
            start = pieces[-1].end if pieces else 0
            if end > start:
                whole = join and len(pieces) >= _PIECES
                _write(ledger, folder, number, 0 if whole else start, end)
                for piece in pieces if whole else ():
                    os.utime(piece.path)
        if join:
            _sweep(folder)


def exported(folder: Path) -> list[Path]:
    """The files of a ledger's folder that hold each response once."""
    return [piece.path for piece in _pieces(folder / "responses")]


class _Piece:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.number, self.start, self.end = (int(part) for part in path.stem.split("-"))


def _pieces(folder: Path) -> list[_Piece]:
    """The files that together cover each segment from its first byte on, each byte once."""
    found: list[_Piece] = []
    pieces = [_Piece(path) for path in folder.glob("*.parquet") if _NAME.fullmatch(path.name)]
    for piece in sorted(pieces, key=lambda piece: (piece.number, piece.start, -piece.end)):
        last = found[-1] if found and found[-1].number == piece.number else None
        if piece.start == (last.end if last else 0):
            found.append(piece)
    return found


def _write(ledger: Ledger, folder: Path, number: int, start: int, end: int) -> None:
    import pyarrow.parquet as pq

    temporary = folder / f".{uuid.uuid4().hex}.partial"
    schema = pl.DataFrame(schema=COLUMNS).to_arrow().schema
    try:
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for chunk in batched(ledger.segments.scan(number, start, end), _ROWS_A_GROUP):
                if rows := _rows(ledger, chunk):
                    writer.write_table(pl.DataFrame(rows, schema=COLUMNS).to_arrow().cast(schema))
        temporary.replace(folder / f"{number:06}-{start:012}-{end:012}.parquet")
    finally:
        temporary.unlink(missing_ok=True)


def _rows(ledger: Ledger, chunk: list[tuple[Place, dict[str, Any] | None]]) -> list[dict[str, Any]]:
    responses = {place: record for place, record in chunk if record is not None and "key" in record}
    known = ledger.known({place: record["key"] for place, record in responses.items()})
    return [_row(record) for place, record in responses.items() if place in known]


def _row(record: dict[str, Any]) -> dict[str, Any]:
    told = {name: record.get(name) for name in COLUMNS}
    return told | {
        "response_id": record["key"],
        "messages": json.dumps(record["messages"], ensure_ascii=False),
        "sampling": json.dumps(record["sampling"], ensure_ascii=False),
    }


def _sweep(folder: Path) -> None:
    """Remove pieces that are part of a larger one by now, and what a killed process left half written."""
    used = set(exported(folder.parent))
    old = time.time() - _GRACE_SECONDS
    for path in folder.glob("[0-9]*.parquet"):
        if path not in used and path.stat().st_mtime < old:
            path.unlink(missing_ok=True)
    for path in folder.glob(".*.partial"):  # nobody else is writing now: export.lock
        path.unlink(missing_ok=True)
