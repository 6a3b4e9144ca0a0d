"""Raw tables in other shapes than tables: StackExchange dumps, PDFs and zips of JSON, beside Parquet, JSONL and CSV.

Each file is read once, in batches, into Parquet in a scratch folder, and scanned from there. The folder belongs to the
caller: the frame reads it until it is collected.

| suffix | rows | columns |
|---|---|---|
| .7z, .xml | the questions of a StackExchange dump (Posts.xml) | `stackexchange.COLUMNS`, `slice` under compat |
| .pdf | pages | `pdf.COLUMNS` |
| .zip | JSON objects | `zip_member` and all keys of the objects |
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from ot_resources.files import scan_files
from ot_resources.interfaces import BadInput
from ot_resources.readers.pdf import COLUMNS as PAGE
from ot_resources.readers.pdf import scan_pdfs
from ot_resources.readers.stackexchange import COLUMNS as POST
from ot_resources.readers.stackexchange import Slices, read_options, scan_dump
from ot_resources.readers.zipped import scan_zip

# Raised by hand when a reader makes other rows of the same file: what was read before is then read again.
VERSION = 1
_DUMPS = (".7z", ".xml")


def scan(paths: tuple[Path, ...], where: str, scratch: Path, options: dict[str, Any]) -> pl.LazyFrame:
    """One LazyFrame over files of any readable kind, in their order; BadInput names the file that cannot be read.

    `options` of dumps: `compat: overlapping_slices` and `slices` (see `stackexchange`). No other kind has any.
    """
    read = check_options(paths, where, options)
    pdfs = [path for path in paths if path.suffix == ".pdf"]
    frames = []
    for path in paths:
        if path.suffix in _DUMPS:
            frames.append(scan_dump(path, where, scratch, read))
        elif path.suffix == ".zip":
            frames.append(scan_zip(path, where, scratch))
        elif path.suffix != ".pdf":
            frames.append(scan_files((path,), where))
        elif path == pdfs[0]:
            frames.append(scan_pdfs(pdfs, where, scratch))
    return frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal_relaxed")


def check_options(paths: tuple[Path, ...], where: str, options: dict[str, Any]) -> Slices | None:
    """The options as the reader of dumps wants them. BadInput: one that is unknown, wrong, or not of these files."""
    slices = read_options(where, options)
    if options and not any(path.suffix in _DUMPS for path in paths):
        raise BadInput(f"{where}: '{min(options)}' is an option of StackExchange dumps ({', '.join(_DUMPS)}) only")
    return slices


def columns(paths: tuple[Path, ...], options: dict[str, Any]) -> tuple[str, ...] | None:
    """The columns that `scan` will give, where that can be told without reading a file through; else None."""
    if all(path.suffix in _DUMPS for path in paths):
        return (*POST, *(["slice"] if options.get("compat") else []))
    if all(path.suffix == ".pdf" for path in paths):
        return tuple(PAGE)
    return None
