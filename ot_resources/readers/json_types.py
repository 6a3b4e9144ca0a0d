"""The types of the columns that JSON objects make, and the objects as a table of those types."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from ot_resources.readers.converted import Row, readable

_MOST_FIELDS = 200  # an object of more is a dictionary, not a record


class _Mixed(Exception):
    """Values that share no type."""


class Columns:
    """Learns a type a key from all objects (`see`), then makes tables of them (`frame`)."""

    def __init__(self) -> None:
        self._types: dict[str, pl.DataType | None] = {}

    def see(self, row: Row) -> None:
        for key, value in row.items():
            known = self._types.get(key, pl.Null())
            if known is not None:
                self._types[key] = _joined(known, value)

    def frame(self, rows: list[Row]) -> pl.DataFrame:
        """One row an object, null where it has no such key."""
        return pl.DataFrame([self._column(key, kind, rows) for key, kind in self._types.items()])

    def _column(self, key: str, kind: pl.DataType | None, rows: list[Row]) -> pl.Series:
        values = [row.get(key) for row in rows]
        if kind is None or _has_no_fields(kind):
            return pl.Series(readable(key), [_as_text(value) for value in values], dtype=pl.String)
        if kind == pl.Null:
            kind = pl.String()
        return pl.Series(readable(key), [_fitted(value, kind) for value in values], dtype=kind)


def _joined(known: pl.DataType, value: Any) -> pl.DataType | None:
    try:
        return _join(known, _type_of(value))
    except _Mixed:
        return None


def _type_of(value: Any) -> pl.DataType:
    if isinstance(value, dict):
        if len(value) > _MOST_FIELDS:
            raise _Mixed
        return pl.Struct([pl.Field(readable(key), _type_of(inner)) for key, inner in value.items()])
    if isinstance(value, list):
        inner: pl.DataType = pl.Null()
        for item in value:
            inner = _join(inner, _type_of(item))
        return pl.List(inner)
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        raise _Mixed
    plain = {type(None): pl.Null, bool: pl.Boolean, int: pl.Int64, float: pl.Float64, str: pl.String}
    return plain[type(value)]()


def _join(one: pl.DataType, other: pl.DataType) -> pl.DataType:
    if one == other or other == pl.Null:
        return one
    if one == pl.Null:
        return other
    if {one, other} == {pl.Int64(), pl.Float64()}:
        return pl.Float64()
    if isinstance(one, pl.List) and isinstance(other, pl.List):
        return pl.List(_join(_inner(one), _inner(other)))
    if isinstance(one, pl.Struct) and isinstance(other, pl.Struct):
        fields = _fields(one)
        for name, kind in _fields(other).items():
            fields[name] = _join(fields.get(name, pl.Null()), kind)
        if len(fields) > _MOST_FIELDS:
            raise _Mixed
        return pl.Struct(fields)
    raise _Mixed


def _inner(kind: pl.List) -> pl.DataType:
    return kind.inner  # type: ignore[return-value]


def _fields(kind: pl.Struct) -> dict[str, pl.DataType]:
    return {f.name: f.dtype for f in kind.fields}  # type: ignore[misc]


def _has_no_fields(kind: pl.DataType) -> bool:
    """Whether an object without fields lies somewhere in it: Parquet has no such type."""
    if isinstance(kind, pl.List):
        return _has_no_fields(_inner(kind))
    if isinstance(kind, pl.Struct):
        return not kind.fields or any(_has_no_fields(inner) for inner in _fields(kind).values())
    return False


def _fitted(value: Any, kind: pl.DataType) -> Any:
    """The value as the type wants it: whole numbers among fractions as fractions, text that UTF-8 can hold."""
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, list) and isinstance(kind, pl.List):
        return [_fitted(item, _inner(kind)) for item in value]
    if isinstance(value, dict) and isinstance(kind, pl.Struct):
        fields = _fields(kind)
        return {readable(key): _fitted(item, fields[readable(key)]) for key, item in value.items()}
    return float(value) if kind == pl.Float64 and value is not None else value


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    return readable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
