"""Raw tables in files: Parquet, JSONL and CSV."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from ot_resources.interfaces import BadInput

TABLES = {".parquet": "parquet", ".jsonl": "json", ".ndjson": "json", ".csv": "csv"}
# What `ot_resources.readers` turns into tables.
OTHER_SHAPES = (".7z", ".xml", ".pdf", ".zip")
_READABLE = (*TABLES, *OTHER_SHAPES)


@dataclass(frozen=True)
class RawTable:
    """A table as its owner publishes it, and the fingerprint that tells one state of it from another."""

    paths: tuple[Path, ...]
    revision: str
    stand_in: bool = False


def is_full(error: BaseException) -> bool:
    """Whether it says that a disk is full, in the words of the system, which Polars repeats, or in those of SQLite."""
    return any(words in str(error) for words in ("No space left on device", "database or disk is full"))


def first_line(error: Exception) -> str:
    """An exception as one line: its type and what it says first."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"


def trouble(paths: tuple[Path, ...], error: Exception) -> str:
    """Why tables cannot be read: the file and line that is no text, or no JSON object, else what the reader said."""
    for path in paths:
        place = f"{path.name}: " if len(paths) > 1 else ""
        if path.stat().st_size == 0:
            return f"{place}it is empty"
        reader = TABLES.get(path.suffix)
        wrong = _wrong_line(path, reader == "json") if reader in ("json", "csv") else ""
        if wrong:
            return f"{place}{wrong}"
    return first_line(error)


def _wrong_line(path: Path, json_lines: bool) -> str:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                text = line.decode("utf-8")
                if json_lines and text.strip() and not isinstance(json.loads(text), dict):
                    return f"line {number}: not a JSON object"
            except UnicodeDecodeError as wrong:
                return f"line {number}: not text in UTF-8 (byte {wrong.start + 1} of the line)"
            except (ValueError, RecursionError):
                return f"line {number}: not JSON"
    return ""


def find_files(pattern: str, where: str) -> tuple[Path, ...]:
    """The files that a path, a folder or a glob names; BadInput when there is none."""
    path = Path(pattern)
    try:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix in _READABLE)
        elif any(mark in path.name for mark in "*?["):
            found = sorted(path.parent.glob(path.name))
        else:
            found = [path]
        # A pipe or a device would be read for ever.
        found = [file for file in found if file.is_file()]
    except OSError as error:
        raise BadInput(f"{where}: {path}: cannot be read ({error.strerror})") from None
    if not found:
        raise BadInput(f"{where}: no file at {path}")
    for file in found:
        if file.suffix not in _READABLE:
            raise BadInput(f"{where}: {file}: cannot read '{file.suffix}'; use {', '.join(_READABLE)}")
    return tuple(found)


def scan_files(paths: tuple[Path, ...], where: str = "") -> pl.LazyFrame:
    """One LazyFrame over Parquet, JSONL or CSV files; BadInput names the file that cannot be read, after `where`."""
    frames = [_scan(path, where) for path in paths]
    return frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal_relaxed")


def _scan(path: Path, where: str) -> pl.LazyFrame:
    reader = TABLES[path.suffix]
    try:
        if reader == "parquet":
            frame = pl.scan_parquet(path, glob=False)
        elif reader == "json":
            frame = pl.scan_ndjson(path, infer_schema_length=None)
        else:
            frame = pl.scan_csv(path, infer_schema_length=None, glob=False)
        frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        prefix = f"{where}: " if where else ""
        raise BadInput(f"{prefix}{path}: not a readable {reader} file ({trouble((path,), error)})") from None
    return frame


def fingerprint(paths: tuple[Path, ...]) -> str:
    """SHA-256 over the files' contents."""
    digest = hashlib.sha256()
    for path in paths:
        stat = path.stat()
        digest.update(_file_hash(path, stat.st_mtime_ns, stat.st_size).encode())
    return digest.hexdigest()


@cache
def _file_hash(path: Path, modified: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
