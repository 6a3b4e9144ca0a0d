"""The pages of PDFs as text.

The text is what the file itself holds (pypdf); a scanned page has none and comes out as ''. OpenThoughts3 had its PDFs
of organic chemistry read by a vision model instead (gemini-2.0-flash-lite): what a scan says is out of reach here.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from ot_resources.files import first_line
from ot_resources.interfaces import BadInput
from ot_resources.readers import converted
from ot_resources.readers.converted import Row, readable

COLUMNS = {
    # name@content#page, without the page where the file cannot be read: it stays when other files join
    "key": pl.String,
    "file": pl.String,  # below the folder that all files share
    "page": pl.Int64,  # from 1; null where the file cannot be read
    "text": pl.String,  # null where the file or the page cannot be read
    "error": pl.String,  # why it cannot
}


def scan_pdfs(paths: Sequence[Path], where: str, scratch: Path) -> pl.LazyFrame:
    """One row a page, in the order of the files. BadInput: none of the files can be read.

    A file that is damaged, or encrypted with a password, is one row without text whose `error` says why; so is a page.
    """
    folder = Path(os.path.commonpath([path.parent for path in paths]))
    table = converted.new_folder(scratch) / "pages.parquet"
    rows = (
        row | {"key": f"{title}#{row['page']}" if row["page"] else title}
        for path, title in zip(paths, _titles(paths), strict=True)
        for row in _pages(path, path.relative_to(folder).as_posix())
    )
    converted.write(table, ((row, len(row["text"] or "")) for row in rows), _frame)
    pages = pl.scan_parquet(table)
    _check_any(pages, len(paths), where)
    return pages


def _titles(paths: Sequence[Path]) -> Iterator[str]:
    """Name and content of each file; of equal ones the later are numbered."""
    seen: Counter[str] = Counter()
    for path in paths:
        with path.open("rb") as file:
            title = f"{path.name}@{hashlib.file_digest(file, 'sha256').hexdigest()[:12]}"
        seen[title] += 1
        yield title if seen[title] == 1 else f"{title}.{seen[title]}"


def _pages(path: Path, name: str) -> Iterator[Row]:
    import pypdf

    # It tells of every flaw it mends, on stderr.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    # A broken file may raise anything, down to a RecursionError.
    try:
        with path.open("rb") as file:
            reader = pypdf.PdfReader(file)
            if reader.is_encrypted and not reader.decrypt(""):
                yield _row(name, None, None, "encrypted with a password")
                return
            for number in range(len(reader.pages)):
                yield _page(reader, name, number)
    except OSError:
        raise
    except Exception as error:
        yield _row(name, None, None, first_line(error))


def _page(reader, name: str, number: int) -> Row:  # type: ignore[no-untyped-def]
    try:
        return _row(name, number + 1, readable(reader.pages[number].extract_text()), None)
    except Exception as error:
        return _row(name, number + 1, None, first_line(error))


def _row(name: str, page: int | None, text: str | None, error: str | None) -> Row:
    return {"key": "", "file": name, "page": page, "text": text, "error": error}


def _frame(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _check_any(pages: pl.LazyFrame, files: int, where: str) -> None:
    told = pages.select(
        pl.col("text").is_not_null().any().alias("any"), pl.col("file").first(), pl.col("error").first()
    ).collect()
    if told["any"].item():
        return
    first = f"{told['file'].item()}: {told['error'].item() or 'no pages'}"
    raise BadInput(f"{where}: none of the {files} PDFs can be read; the first is {first}")
