"""One row a page; a file that cannot be read says why in its row, and only when none can is it an error."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from ot_resources.interfaces import BadInput
from ot_resources.readers import columns, pdf, scan


def written(path: Path, *pages: str, password: str | None = None) -> Path:
    """A PDF with one line of text a page; '' is a page without text, as a scan is."""
    from reportlab.pdfgen.canvas import Canvas

    path.parent.mkdir(parents=True, exist_ok=True)
    canvas = Canvas(str(path), encrypt=password)
    for text in pages:
        if text:
            canvas.drawString(72, 720, text)
        canvas.showPage()
    canvas.save()
    return path


def read(scratch: Path, *paths: Path) -> pl.DataFrame:
    return scan(paths, "here", scratch, {}).collect()


def name(column: str) -> pl.Expr:
    """A key without the part that tells the file's content."""
    return pl.col(column).str.replace("@[0-9a-f]{12}", "")


def test_a_row_a_page_in_the_order_of_the_files(tmp_path: Path) -> None:
    first = written(tmp_path / "b.pdf", "Benzene is aromatic.", "", "Why?")
    second = written(tmp_path / "sub" / "a.pdf", "Toluene é")
    rows = read(tmp_path / "scratch", first, second)
    assert tuple(rows.columns) == columns((first, second), {})
    assert rows.select(name("key"), "file", "page").rows() == [
        ("b.pdf#1", "b.pdf", 1),
        ("b.pdf#2", "b.pdf", 2),
        ("b.pdf#3", "b.pdf", 3),
        ("a.pdf#1", "sub/a.pdf", 1),
    ]
    assert [text.strip() for text in rows["text"]] == ["Benzene is aromatic.", "", "Why?", "Toluene é"]
    assert rows["error"].null_count() == 4


def test_files_of_one_name_have_keys_of_their_own(tmp_path: Path) -> None:
    files = [written(tmp_path / folder / "ch1.pdf", text) for folder, text in (("a", "x"), ("b", "y"))]
    copy = tmp_path / "c" / "ch1.pdf"
    copy.parent.mkdir()
    copy.write_bytes(files[0].read_bytes())
    keys = read(tmp_path / "scratch", *files, copy)["key"].to_list()
    assert len(set(keys)) == 3
    assert keys[2] == keys[0].replace("#1", ".2#1")


def test_keys_stay_when_a_file_elsewhere_joins(tmp_path: Path) -> None:
    deep = written(tmp_path / "x" / "y" / "a.pdf", "text")
    alone = read(tmp_path / "scratch", deep)
    together = read(tmp_path / "scratch", written(tmp_path / "b.pdf", "text"), deep)
    assert alone["key"].item() == together["key"][1]
    assert alone.select(name("key")).item() == "a.pdf#1"
    assert together["file"].to_list() == ["b.pdf", "x/y/a.pdf"]


def test_what_cannot_be_read_is_a_row_that_says_why(tmp_path: Path) -> None:
    good = written(tmp_path / "good.pdf", "text")
    locked = written(tmp_path / "locked.pdf", "secret", password="pass")
    junk, empty, cut = tmp_path / "junk.pdf", tmp_path / "empty.pdf", tmp_path / "cut.pdf"
    junk.write_bytes(b"<html>404 not found</html>" * 20)
    empty.write_bytes(b"")
    cut.write_bytes(good.read_bytes()[:200])
    rows = read(tmp_path / "scratch", junk, good, locked, empty, cut).to_dicts()
    named = pl.DataFrame(rows).select(name("key"))["key"].to_list()
    assert named == ["junk.pdf", "good.pdf#1", "locked.pdf", "empty.pdf", "cut.pdf"]
    unread = [row for row in rows if row["file"] != "good.pdf"]
    assert all(row["text"] is None and row["page"] is None for row in unread)
    assert all(row["error"] and "\n" not in row["error"] for row in unread)
    assert unread[1]["error"] == "encrypted with a password"


def test_an_empty_password_opens_a_file_that_only_forbids_copying(tmp_path: Path) -> None:
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    path = tmp_path / "restricted.pdf"
    canvas = Canvas(str(path), encrypt=StandardEncryption("", ownerPassword="owner", canCopy=0))
    canvas.drawString(72, 720, "open text")
    canvas.save()
    assert read(tmp_path / "scratch", path)["text"].item().strip() == "open text"


def test_a_page_that_cannot_be_read_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pypdf

    path = written(tmp_path / "a.pdf", "one", "two", "three")
    extract = pypdf.PageObject.extract_text

    def fragile(page: pypdf.PageObject) -> str:
        if page.page_number == 1:
            raise KeyError("/Font")
        return extract(page) + "\ud800"

    monkeypatch.setattr(pypdf.PageObject, "extract_text", fragile)
    rows = read(tmp_path / "scratch", path)
    assert [text and text.strip() for text in rows["text"]] == ["one\n\ufffd", None, "three\n\ufffd"]
    assert rows["error"].to_list() == [None, "KeyError: '/Font'", None]


def test_none_can_be_read(tmp_path: Path) -> None:
    locked = written(tmp_path / "locked.pdf", "secret", password="pass")
    junk = tmp_path / "junk.pdf"
    junk.write_bytes(b"junk")
    said = re.escape("here: none of the 2 PDFs can be read; the first is locked.pdf: encrypted with a password")
    with pytest.raises(BadInput, match=said):
        read(tmp_path / "scratch", locked, junk)


def test_batches_give_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.pdf", *[f"page {number}" for number in range(1, 8)])
    whole = read(tmp_path / "scratch", path)
    monkeypatch.setattr("ot_resources.readers.converted._ROWS", 3)
    assert read(tmp_path / "scratch", path).equals(whole)
    assert whole["page"].to_list() == list(range(1, 8))


def test_pdfs_beside_a_table(tmp_path: Path) -> None:
    table = tmp_path / "more.csv"
    table.write_text("text,level\nhello,3\n")
    pages = [written(tmp_path / name, "text") for name in ("a.pdf", "b.pdf")]
    rows = scan((pages[0], table, pages[1]), "here", tmp_path / "scratch", {}).collect()
    assert rows["file"].to_list() == ["a.pdf", "b.pdf", None]
    assert set(rows.columns) == {*pdf.COLUMNS, "level"}
    assert columns((pages[0], table), {}) is None
