"""The tables that `apply` is given beside its rows: frames, or files of questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from ot_assets.contracts import QUESTION
from ot_resources.interfaces import BadInput

Frame = pl.DataFrame | pl.LazyFrame
Table = Frame | str | Path | dict[str, Any] | list[Any]

_ROW = "__file_row"
_TEXT = (pl.String, pl.Categorical, pl.Enum, pl.Null)
_NO_NAME = (pl.Binary, pl.Duration, pl.Object)


def read_table(table: Table, where: str) -> pl.LazyFrame:
    """One frame of whatever names a table; a list is concatenated. Columns out: at least `question`.

    A file is named by its path, or as in a recipe: `{path, question}`, with an `id` to be known by and whatever else
    tells how columns become a question's. It is Parquet, JSONL or CSV, or a folder or a glob of such. Rows without a
    question are left out; `question_id` is the id and the number of the row, from 1. BadInput: it cannot be read, with
    the file and, where that can be told, the line; or one of several frames has no questions, with its place in the
    list, from 0.
    """
    if isinstance(table, list):
        frames = [read_table(item, f"{where}[{place}]") for place, item in enumerate(table)]
        # Those of one that has none would be null, and match nothing.
        if any(_has_questions(frame) for frame in frames):
            frames = [named_questions(frame, f"{where}[{place}]") for place, frame in enumerate(frames)]
        return pl.concat(frames, how="diagonal_relaxed") if frames else pl.LazyFrame(schema=QUESTION)
    if isinstance(table, pl.DataFrame | pl.LazyFrame):
        return named_questions(table.lazy(), where) if _has_questions(table.lazy()) else table.lazy()
    return _read_file({"path": table} if isinstance(table, str | Path) else dict(table), where).lazy()


def _has_questions(table: pl.LazyFrame) -> bool:
    return "question" in table.collect_schema()


def named_questions(table: pl.LazyFrame, where: str) -> pl.LazyFrame:
    """The table with `question`, and `question_id` and `source` where there are any, as text.

    BadInput, with `where` in front: there is no `question`, or one of them is nothing that text can be made of.
    """
    schema = table.collect_schema()
    if "question" not in schema:
        raise BadInput(f"{where}: a table has no column 'question'; it has: {', '.join(schema.names())}")
    named = [name for name in ("question_id", "source", "question") if name in schema]
    for name in named:
        kind = schema[name]
        if (name == "question" and not isinstance(kind, _TEXT)) or kind.is_nested() or isinstance(kind, _NO_NAME):
            raise BadInput(f"{where}: the column '{name}' is {kind}, not text")
    return table.with_columns(pl.col(named).cast(pl.String))


def _read_file(spec: dict[str, Any], where: str) -> pl.DataFrame:
    from ot_assets.strategies.sources.mapped import Mapping, check_keys, to_questions
    from ot_resources.files import TABLES, find_files, scan_files, trouble

    if not isinstance(spec.get("path"), str | Path):
        raise BadInput(f"{where}: a table is a frame, a path, or {{path: ..., question: ...}}")
    paths = find_files(str(spec["path"]), where)
    for path in paths:
        if path.suffix not in TABLES:
            raise BadInput(f"{where}: {path}: only a recipe reads '{path.suffix}'; here use {', '.join(TABLES)}")
    name, told = str(spec.get("id", paths[0].stem)), {key: spec[key] for key in spec if key not in ("path", "id")}
    try:
        mapping = Mapping.model_validate({"question": "question"} | told | {"extra": (_ROW,)})
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg'].lower()}") from None
    at = f"{where}: {paths[0]}"
    raw = scan_files(paths, where)
    number = pl.col("extra").str.json_path_match(f"$.{_ROW}")
    try:
        if any(path.suffix != ".parquet" for path in paths):
            # A line with a field too many would not show where only some columns are read.
            raw = raw.collect().lazy()
        check_keys(raw, mapping.model_copy(update={"extra": None}), at)
        raw = raw.with_row_index(_ROW, offset=1)
        read = to_questions(raw, source=name, mapping=mapping, where=at).kept
        items = read.with_columns(pl.format("{}-{}", "source", number).alias("question_id")).collect()
    except pl.exceptions.PolarsError as error:
        raise BadInput(f"{at}: cannot be read to its end ({trouble(paths, error)})") from None
    if items.is_empty():
        raise BadInput(f"{at}: no row has a question in '{mapping.question}'")
    return items
