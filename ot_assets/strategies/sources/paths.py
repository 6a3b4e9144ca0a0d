"""Values inside nested columns, named as in Python: `messages[0].content`; of a list of objects, `tests.input` is the
list of their inputs."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

_STEP = re.compile(r"\[(\d+)\]|\.?([^.\[\]]+)")


def unfold(raw: pl.LazyFrame, names: Iterable[str]) -> pl.LazyFrame:
    """`raw` with a column for each name that is a path into one of its columns; other names are not looked at."""
    schema = raw.collect_schema()
    paths = {name: _value(name, schema) for name in names if name not in schema}
    return raw.with_columns(value.alias(name) for name, value in paths.items() if value is not None)


def _value(path: str, schema: pl.Schema) -> pl.Expr | None:
    """The expression of a path, or None when the schema has nothing there."""
    steps = _STEP.findall(path)
    column = steps[0][1] if steps else ""
    if column not in schema or len(steps) < 2:
        return None
    value, kind = pl.col(column), schema[column]
    for index, field in steps[1:]:
        if index and isinstance(kind, pl.List):
            value, kind = value.list.get(int(index), null_on_oob=True), kind.inner  # type: ignore[assignment]
        elif field and isinstance(kind, pl.Struct):
            inner = {f.name: f.dtype for f in kind.fields}
            if field not in inner:
                return None
            value, kind = value.struct.field(field), inner[field]  # type: ignore[assignment]
        elif field and isinstance(kind, pl.List) and isinstance(kind.inner, pl.Struct):
            inner = {f.name: f.dtype for f in kind.inner.fields}
            if field not in inner:
                return None
            value, kind = value.list.eval(pl.element().struct.field(field)), pl.List(inner[field])  # type: ignore[arg-type]
        else:
            return None
    return value
