"""The questions of a StackExchange dump: https://archive.org/details/stackexchange, one 7z a site, in it Posts.xml.

    <row Id="7" PostTypeId="1" AcceptedAnswerId="9" CreationDate="2011-01-27T20:35:33.443" Score="31" AnswerCount="3"
         Title="Sort a list" Body="&lt;p&gt;In &lt;code&gt;O(n)&lt;/code&gt;&lt;/p&gt;" Tags="|code-golf|sorting|"/>

becomes one row; answers (PostTypeId 2) and the other kinds of posts are passed over.

OpenThoughts3 cuts the file into 15 or 16 slices that overlap (StackExchange/utils.py, `extract_post_history`): a slice
starts at its row, but ends after so many *questions*, where it was meant to end after so many rows. On a dump of 1,400
questions and 17,300 answers in 16 slices that code returns 11,418 rows (8.16 copies of each question), on one of 2,300
and 2,800 in 15 slices 4,877 (2.12 copies). Here a question comes once, unless `compat: overlapping_slices` asks for
those rows; the text is the same in both.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from xml.parsers import expat

import polars as pl

from ot_resources.files import first_line
from ot_resources.interfaces import BadInput
from ot_resources.readers import converted, sevenzip
from ot_resources.readers.converted import Row
from ot_resources.readers.html import to_text

COLUMNS: dict[str, Any] = {
    "key": pl.String,  # the id; under compat "slice-id"
    "id": pl.Int64,
    "title": pl.String,
    "body": pl.String,  # the HTML as text, see html.py
    "tags": pl.List(pl.String),
    "score": pl.Int64,
    "answer_count": pl.Int64,
    "accepted_answer_id": pl.Int64,
    "creation_date": pl.String,  # ISO 8601, as it stands in the dump
}
_PLACE = "__place"  # which row of the file a question is, from 0
_QUESTION = "1"
_READ = 1 << 20
_LONGEST_POST = 64 << 20
_MOST_SLICES = 1_000


@dataclass(frozen=True)
class Slices:
    """The published cut into `count` slices that overlap."""

    count: int


def read_options(where: str, options: dict[str, Any]) -> Slices | None:
    """`compat: overlapping_slices`, with `slices` (16 by default, at most 1,000); BadInput for anything else."""
    for name in options:
        if name not in ("compat", "slices"):
            raise BadInput(f"{where}: unknown option '{name}' of a StackExchange dump; there is: compat, slices")
    compat, count = options.get("compat"), options.get("slices", 16)
    if compat not in (None, "overlapping_slices"):
        raise BadInput(f"{where}.compat: {compat!r} is not known; there is: overlapping_slices")
    if compat is None and "slices" in options:
        raise BadInput(f"{where}.slices: goes with 'compat: overlapping_slices' only; without it a question comes once")
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= _MOST_SLICES:
        raise BadInput(f"{where}.slices: {count!r} must be a whole number from 1 to {_MOST_SLICES:,}")
    return Slices(count) if compat else None


def scan_dump(path: Path, where: str, scratch: Path, slices: Slices | None = None) -> pl.LazyFrame:
    """The questions of a dump (.7z, or the Posts.xml in it), in the order of the file.

    Columns: `COLUMNS`, and `slice` under compat. Memory holds a batch of questions, whatever the size of the dump;
    `scratch` holds Posts.xml unpacked, while it is read, and the questions. BadInput: a dump that is damaged or cut
    off, in an unknown encoding, that declares a document type (entities are never expanded), that has no questions,
    or has one twice.
    """
    folder = converted.new_folder(scratch)
    packed = path.suffix == ".7z"
    xml = sevenzip.unpack(path, "Posts.xml", folder / "Posts.xml", where) if packed else path
    posts = _Posts(f"{where}: {path}")
    table = converted.write(folder / "questions.parquet", posts.read(xml), _frame)
    if packed:
        xml.unlink()
    questions = pl.scan_parquet(table)
    _check_ids(questions, posts.at)
    if slices is None:
        return questions.drop(_PLACE)
    return _overlapping(questions, slices.count, posts.lines)


def _overlapping(questions: pl.LazyFrame, count: int, lines: int) -> pl.LazyFrame:
    """Slice i as the original has it: the first n questions from row i x n on, n being the file's lines / slices."""
    size = math.ceil(lines / count)
    cut = [
        questions.filter(pl.col(_PLACE) >= number * size)
        .head(size)
        .with_columns(pl.format("{}-{}", pl.lit(number), "id").alias("key"), pl.lit(number, pl.Int64).alias("slice"))
        for number in range(count)
    ]
    return pl.concat(cut).drop(_PLACE)


@dataclass
class _Posts:
    """What the parser has seen so far. `at` names the file in errors."""

    at: str
    lines: int = 0
    _rows: int = 0
    _last: str = ""
    _inside: bool = False
    _found: list[tuple[Row, int]] = field(default_factory=list)

    def read(self, xml: Path) -> Iterator[tuple[Row, int]]:
        """Each question with its size, as the parser comes by; nothing of the document is kept."""
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._element
        parser.StartDoctypeDeclHandler = self._document_type
        fed, chunk, end = 0, b"", b"\n"
        with xml.open("rb") as file:
            while chunk := file.read(_READ):
                self._parse(parser, chunk, last=False)
                fed, end = fed + len(chunk), chunk[-1:]
                self.lines += chunk.count(b"\n")
                if fed - parser.CurrentByteIndex > _LONGEST_POST:
                    raise BadInput(f"{self.at}: a post of more than {_LONGEST_POST >> 20} MB {self._after()}")
                yield from self._taken()
        self.lines += end != b"\n"
        self._parse(parser, b"", last=True)
        yield from self._taken()

    def _parse(self, parser: expat.XMLParserType, chunk: bytes, *, last: bool) -> None:
        try:
            parser.Parse(chunk, last)
        except expat.ExpatError as error:
            said = expat.ErrorString(error.code)
            raise BadInput(
                f"{self.at}: cut off or damaged in line {error.lineno} of Posts.xml, {self._after()} ({said}); "
                "fetch the dump again, whole"
            ) from None
        except (LookupError, ValueError) as error:
            if self._inside or isinstance(error, BadInput):
                raise
            raise BadInput(f"{self.at}: an encoding that is not read ({first_line(error)}); a dump is UTF-8") from None

    def _taken(self) -> list[tuple[Row, int]]:
        taken, self._found = self._found, []
        return taken

    def _after(self) -> str:
        return f"after post {self._last}" if self._last else "before the first post"

    def _document_type(self, *declared: Any) -> NoReturn:
        raise BadInput(f"{self.at}: declares a document type, which no dump does; it is not read")

    def _element(self, tag: str, given: dict[str, str]) -> None:
        if not self._inside:
            if tag != "posts":
                raise BadInput(f"{self.at}: holds <{tag}>, not <posts>; a dump's questions are in its Posts.xml")
            self._inside = True
        elif tag == "row":
            self._post(given)

    def _post(self, given: dict[str, str]) -> None:
        place, self._rows = self._rows, self._rows + 1
        if "Id" not in given:
            raise BadInput(f"{self.at}: a post without Id, {self._after()}")
        self._last = given["Id"]
        if given.get("PostTypeId") != _QUESTION:
            return
        body = given.get("Body")
        row = {
            "key": given["Id"],
            "id": self._number(given, "Id"),
            "title": given.get("Title"),
            "body": None if body is None else to_text(body),
            "tags": re.findall(r"[^<>|]+", given.get("Tags", "")),
            "score": self._number(given, "Score"),
            "answer_count": self._number(given, "AnswerCount"),
            "accepted_answer_id": self._number(given, "AcceptedAnswerId"),
            "creation_date": given.get("CreationDate"),
            _PLACE: place,
        }
        self._found.append((row, len(body or "")))

    def _number(self, given: dict[str, str], name: str) -> int | None:
        text = given.get(name)
        if text is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise BadInput(f"{self.at}: post {given['Id'][:40]} has {name}={text[:40]!r}, which is no number")
        return int(text)


def _frame(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={**COLUMNS, _PLACE: pl.Int64}, orient="row")


def _check_ids(questions: pl.LazyFrame, at: str) -> None:
    ids = questions.select("id").collect()["id"]
    if ids.is_empty():
        raise BadInput(f"{at}: no questions (rows with PostTypeId 1); is it the Posts.xml of a site?")
    twice = ids.filter(ids.is_duplicated())
    if not twice.is_empty():
        raise BadInput(f"{at}: the question {twice[0]} comes twice; a dump has each post once")
