"""Rows that come one after the other, written to Parquet in batches of bounded size."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

Row = dict[str, Any]
_ROWS = 5_000
_CHARACTERS = 32 << 20


def new_folder(scratch: Path) -> Path:
    """A folder of its own under `scratch`."""
    scratch.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=scratch))


def write(path: Path, rows: Iterable[tuple[Row, int]], frame: Callable[[list[Row]], pl.DataFrame]) -> Path:
    """Write (row, its rough size) pairs; `frame` makes a table of some of them, always with the same columns."""
    import pyarrow.parquet

    first = _arrow(frame([]))
    with pyarrow.parquet.ParquetWriter(path, first.schema, compression="zstd") as writer:
        for batch in _batches(rows):
            writer.write_table(_arrow(frame(batch)).cast(first.schema))
    return path


def readable(text: str) -> str:
    """The text without lone surrogates, which no UTF-8 can hold."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _arrow(frame: pl.DataFrame) -> Any:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


def _batches(rows: Iterable[tuple[Row, int]]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    size = 0
    for row, row_size in rows:
        batch.append(row)
        size += row_size
        if len(batch) >= _ROWS or size >= _CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
