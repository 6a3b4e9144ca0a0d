"""The files of a stand-in: Parquet with exactly the columns of its schema, or a zip of JSON files."""

import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

_TEXTS = pl.List(pl.String)
_CASES = pl.Struct({"input": _TEXTS, "output": _TEXTS})
TYPES = {
    "str": pl.String,
    "i64": pl.Int64,
    "f64": pl.Float64,
    "bool": pl.Boolean,
    "list[str]": _TEXTS,
    "list[bool]": pl.List(pl.Boolean),
    "list[list[str]]": pl.List(_TEXTS),
    "list[struct{role: str, content: str}]": pl.List(pl.Struct({"role": pl.String, "content": pl.String})),
    "list[struct{content: str, role: str}]": pl.List(pl.Struct({"content": pl.String, "role": pl.String})),
    "list[struct{from: str, value: str}]": pl.List(pl.Struct({"from": pl.String, "value": pl.String})),
    "list[struct{input: str, output: str}]": pl.List(pl.Struct({"input": pl.String, "output": pl.String})),
    "struct{input: list[str], output: list[str]}": _CASES,
    "struct{label: list[str], text: list[str]}": pl.Struct({"label": _TEXTS, "text": _TEXTS}),
    "struct{language: list[i64], solution: list[str]}": pl.Struct({"language": pl.List(pl.Int64), "solution": _TEXTS}),
}
_BRACES = re.compile(r"\{([^{}]+)\}")
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
# The oldest time that a zip can hold: the same rows make the same archive.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def frame(schema: dict, records: Sequence[dict]) -> pl.DataFrame:
    """Records as a frame with exactly the schema's columns; numbers given as text are cast, missing ones are null."""
    columns = schema["columns"] | schema.get("ours", {})
    data = {}
    for column, kind in columns.items():
        values = [record.get(column) for record in records]
        if kind in ("i64", "f64"):
            values = [None if v is None else float(v) if kind == "f64" else int(v) for v in values]
        data[column] = pl.Series(column, values, dtype=TYPES[kind])
    return pl.DataFrame(data)


def question_texts(schema: dict, table: pl.DataFrame) -> list[str]:
    """The questions of a stand-in, by the `question` and `options` of its schema."""
    return [_question(schema, record) for record in table.to_dicts()]


def _question(schema: dict, record: dict) -> str:
    told = schema["question"]
    text = _BRACES.sub(lambda m: str(_value(m[1], record)), told) if "{" in told else _value(told, record)
    if "options" not in schema:
        return text
    choices = record[schema["options"]]
    lines = (f"{label}: {option}" for label, option in zip(choices["label"], choices["text"], strict=True))
    return f"{text}\n\n" + "\n".join(lines)


def _value(path: str, record: dict) -> Any:
    """The value of a column, or of a path into one."""
    if path in record:
        return record[path]
    value: Any = record
    for index, field in _STEP.findall(path):
        value = value[int(index) if index else field]
    return value


def files(schema: dict) -> list[str]:
    """The names of a stand-in's files, in the order in which the manifest counts their rows."""
    if "file" in schema:
        return [schema["file"]]
    return [f"{split}.parquet" for split in schema.get("splits", [schema.get("split")])]


def folder(out: Path, name: str) -> Path:
    return out / name.replace("/", "__")


def write_tables(out: Path, name: str, schema: dict, table: pl.DataFrame, heights: Sequence[int]) -> None:
    """The rows, the first of these heights into the first file and so on."""
    start, place = 0, folder(out, name)
    place.mkdir(parents=True, exist_ok=True)
    for file, height in zip(files(schema), heights, strict=True):
        part = table.slice(start, height)
        start += height
        if file.endswith(".zip"):
            write_zip(place / file, part)
        else:
            part.write_parquet(place / file, compression="zstd", compression_level=15)
    assert start == table.height, name


def write_zip(path: Path, table: pl.DataFrame) -> None:
    """A JSON file a row, named by its place."""
    with zipfile.ZipFile(path, "w") as archive:
        for i, record in enumerate(table.to_dicts()):
            member = zipfile.ZipInfo(f"{i:05}.json", _EPOCH)
            archive.writestr(member, json.dumps(record, indent=4, ensure_ascii=False), zipfile.ZIP_DEFLATED)


def read_tables(out: Path, name: str, schema: dict) -> pl.DataFrame:
    """All rows of a stand-in, file after file."""
    parts = [folder(out, name) / file for file in files(schema)]
    return pl.concat([read_zip(schema, p) if p.suffix == ".zip" else pl.read_parquet(p) for p in parts])


def read_zip(schema: dict, path: Path) -> pl.DataFrame:
    with zipfile.ZipFile(path) as archive:
        return frame(schema, [json.loads(archive.read(name)) for name in sorted(archive.namelist())])
