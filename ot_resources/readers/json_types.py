"""The types of the columns that JSON objects make, and the objects as a table of those types."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import polars as pl

from ot_resources.interfaces import BadInput
from ot_resources.readers.converted import Row, readable

_MOST_FIELDS = 200  # an object of more is a dictionary, not a record
_MOST_KEYS = 2_000  # columns of a table
_DEEPEST = 20  # levels of a type; Arrow takes gigabytes for some hundreds


class _Mixed(Exception):
    """Values that share no type."""


class _NoName(Exception):
    """Keys that can be no names of columns or fields."""


class Columns:
    """Learns a type a key from all objects (`see`), then makes tables of them (`frame`).

    `named` says where an object lies, for errors. BadInput: a key with a NUL character, two keys that are one without
    their lone surrogates, more than 2,000 different keys, an object that is nested too deep to be written as text.
    """

    def __init__(self, named: Callable[[Row], str]) -> None:
        self._named = named
        self._types: dict[str, pl.DataType | None] = {}
        self._names: set[str] = set()

    def see(self, row: Row) -> None:
        for key, value in row.items():
            try:
                if key not in self._types:
                    self._add(key)
                known = self._types.get(key, pl.Null())
                if known is not None:
                    self._types[key] = _joined(known, value)
            except _NoName as error:
                raise BadInput(f"{self._named(row)}: {error}") from None

    def _add(self, key: str) -> None:
        (name,) = _names([key])
        if name in self._names:
            raise _NoName(f"has the key {key[:40]!r}, which is one with another key; keys must differ as UTF-8")
        self._names.add(name)
        if len(self._names) > _MOST_KEYS:
            raise _NoName(f"one key too many; all objects together may have {_MOST_KEYS:,} different ones")

    def frame(self, rows: list[Row]) -> pl.DataFrame:
        """One row an object, null where it has no such key."""
        return pl.DataFrame([self._column(key, kind, rows) for key, kind in self._types.items()])

    def _column(self, key: str, kind: pl.DataType | None, rows: list[Row]) -> pl.Series:
        if kind is None or _has_no_fields(kind):
            return pl.Series(readable(key), [self._text(row, key) for row in rows], dtype=pl.String)
        kind = _without_nulls(kind)
        return pl.Series(readable(key), [_fitted(row.get(key), kind) for row in rows], dtype=kind)

    def _text(self, row: Row, key: str) -> str | None:
        try:
            return _as_text(row.get(key))
        except RecursionError:
            raise BadInput(f"{self._named(row)}: nested too deep under {key[:40]!r}; flatten it") from None


def _joined(known: pl.DataType, value: Any) -> pl.DataType | None:
    try:
        return _join(known, _type_of(value))
    except _Mixed:
        return None


def _names(keys: Iterable[str]) -> list[str]:
    """The keys as names of columns or fields."""
    names = [readable(key) for key in keys]
    for name in names:
        if "\0" in name:
            raise _NoName(f"has a key with a NUL character, {name[:40]!r}; a name of a column can have none")
    if len(set(names)) < len(names):
        raise _NoName("has two keys in one object that are one without lone surrogates; keys must differ as UTF-8")
    return names


def _type_of(value: Any, levels: int = _DEEPEST) -> pl.DataType:
    if isinstance(value, dict | list) and not levels:
        raise _Mixed
    if isinstance(value, dict):
        if len(value) > _MOST_FIELDS:
            raise _Mixed
        return pl.Struct(
            [
                pl.Field(name, _type_of(inner, levels - 1))
                for name, inner in zip(_names(value), value.values(), strict=True)
            ]
        )
    if isinstance(value, list):
        inner: pl.DataType = pl.Null()
        for item in value:
            inner = _join(inner, _type_of(item, levels - 1))
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


def _without_nulls(kind: pl.DataType) -> pl.DataType:
    """What is always null as text: Polars hands the type Null inside others to Arrow with too few values."""
    if isinstance(kind, pl.List):
        return pl.List(_without_nulls(_inner(kind)))
    if isinstance(kind, pl.Struct):
        return pl.Struct({name: _without_nulls(inner) for name, inner in _fields(kind).items()})
    return pl.String() if kind == pl.Null else kind


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
