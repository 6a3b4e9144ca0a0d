"""Columns of any type as text, and as values that JSON can hold."""

from __future__ import annotations

import base64
import json
from typing import Any

import polars as pl


def as_text(column: str, schema: pl.Schema) -> pl.Expr:
    """The column as String: lists and structs as JSON, everything else as polars prints it; null stays null."""
    kind = schema[column]
    if kind == pl.String:
        return pl.col(column)
    if not kind.is_nested():
        return _plain(column, kind).cast(pl.String)
    if _holds_bytes(kind):
        return _encoded(column)
    encoded = pl.struct(pl.col(column).alias("v")).struct.json_encode()
    inner = encoded.str.strip_prefix('{"v":').str.strip_suffix("}")
    return pl.when(pl.col(column).is_not_null()).then(inner)


def as_json(column: str, schema: pl.Schema) -> pl.Expr:
    """The column as `struct.json_encode` can write it; bytes become base64, and text where they lie inside others."""
    kind = schema[column]
    if kind.is_nested():
        return _encoded(column) if _holds_bytes(kind) else pl.col(column)
    return _plain(column, kind)


def _plain(column: str, kind: pl.DataType) -> pl.Expr:
    if kind == pl.Binary:
        return pl.col(column).bin.encode("base64")
    if (kind.is_numeric() and not kind.is_decimal()) or kind in (pl.String, pl.Boolean):
        return pl.col(column)
    return pl.col(column).cast(pl.String)


def _holds_bytes(kind: pl.DataType) -> bool:
    if isinstance(kind, pl.List | pl.Array):
        return _holds_bytes(kind.inner)  # type: ignore[arg-type]
    if isinstance(kind, pl.Struct):
        return any(_holds_bytes(field.dtype) for field in kind.fields)  # type: ignore[arg-type]
    return kind == pl.Binary


def _encoded(column: str) -> pl.Expr:
    """JSON by Python, for what polars cannot encode (it panics on bytes inside structs, as pictures come)."""

    def encode(values: pl.Series) -> pl.Series:
        texts = [None if value is None else json.dumps(value, default=_readable) for value in values.to_list()]
        return pl.Series(values.name, texts, dtype=pl.String)

    return pl.col(column).map_batches(encode, return_dtype=pl.String, is_elementwise=True)


def _readable(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
