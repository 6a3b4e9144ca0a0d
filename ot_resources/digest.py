"""A content hash of a table that depends on its values and their order, not on how they were cut into batches."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import polars as pl

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> str:
    """The one JSON text of a value; raises TypeError on anything that JSON does not know."""
    return _CANONICAL.encode(value)


def short_hash(value: Any) -> str:
    """16 hex digits of the SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


class ContentDigest:
    """Feed it frames of one schema; `hexdigest` is the same however the rows were batched.

    Each column has two running hashes, one of its lengths or validity and one of its bytes.
    """

    def __init__(self, ignore: frozenset[str] = frozenset()) -> None:
        self._ignore = ignore
        self._columns: dict[str, tuple[str, hashlib._Hash, hashlib._Hash]] = {}

    def update(self, frame: pl.DataFrame) -> None:
        for series in frame.get_columns():
            if series.name not in self._ignore:
                self._update(series.name, series)

    def _update(self, name: str, series: pl.Series) -> None:
        """Nested columns are taken apart: a list is its lengths and its elements, a struct its validity and fields."""
        if name not in self._columns:
            self._columns[name] = (str(series.dtype), hashlib.sha256(), hashlib.sha256())
        _, shape, content = self._columns[name]
        if isinstance(series.dtype, pl.Array):
            series = series.arr.to_list()
        if isinstance(series.dtype, pl.List):
            lengths = series.list.len().cast(pl.Int64).fill_null(-1)
            shape.update(lengths.to_numpy().tobytes())
            self._update(f"{name}[]", series.filter(lengths > 0).explode())
        elif isinstance(series.dtype, pl.Struct):
            shape.update(series.is_null().to_numpy().tobytes())
            for field in series.dtype.fields:
                self._update(f"{name}.{field.name}", series.struct.field(field.name))
        elif (flat := _flat(series)).dtype == pl.String:
            shape.update(flat.str.len_bytes().cast(pl.Int64).fill_null(-1).to_numpy().tobytes())
            content.update(_utf8(flat))
        else:
            shape.update(flat.is_null().to_numpy().tobytes())
            content.update(flat.fill_null(0).to_numpy().tobytes())

    def hexdigest(self) -> str:
        columns = [
            [name, dtype, shape.hexdigest(), content.hexdigest()]
            for name, (dtype, shape, content) in sorted(self._columns.items())
        ]
        return hashlib.sha256(canonical_json(columns).encode()).hexdigest()


def _utf8(strings: pl.Series) -> memoryview:
    """All strings end to end, as they lie in Arrow's buffer."""
    array = strings.fill_null("").rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    ends = memoryview(offsets).cast("B").cast("q")
    first, last = ends[array.offset], ends[array.offset + len(array)]
    return memoryview(data or b"").cast("B")[first:last]


def _flat(series: pl.Series) -> pl.Series:
    """A column that is not nested, as strings or plain numbers."""
    if series.dtype == pl.String or (series.dtype.is_numeric() and not series.dtype.is_decimal()):
        return series
    if series.dtype == pl.Binary:
        return series.bin.encode("hex")
    return series.cast(pl.UInt8 if series.dtype == pl.Boolean else pl.String)
