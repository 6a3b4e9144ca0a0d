"""Split a frame into what stays and what goes, with a reason and evidence on every row that goes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import polars as pl

from ot_assets.strategies.registry import Split

# Characters of a text that evidence shows.
SHOWN = 200


def split(
    rows: pl.LazyFrame,
    keep: pl.Expr,
    *,
    reason: str | pl.Expr,
    evidence: pl.Expr,
    encoded: bool = False,
    scratch: Sequence[str] = (),
) -> Split:
    """Rows where `keep` is true, and the others with `drop_reason` and `drop_evidence`; both in input order.

    A null in `keep` counts as false. `evidence` is a struct expression and becomes a JSON object, unless it is
    `encoded` already.
    `scratch` are helper columns that leave both halves.
    """
    kept = keep.fill_null(False)
    dropped = rows.filter(~kept).with_columns(
        (pl.lit(reason, pl.String) if isinstance(reason, str) else reason).alias("drop_reason"),
        (evidence if encoded else evidence.struct.json_encode()).alias("drop_evidence"),
    )
    return Split(rows.filter(kept).drop(scratch), dropped.drop(scratch))


def marked(text: str, start: int, end: int) -> dict[str, Any]:
    """A part of a question as evidence: where it is, in characters, and what it says."""
    return {"span": [start, end], "matched": text[start:end][:SHOWN]}


def encode(evidence: dict[str, Any]) -> str:
    """One row's evidence as JSON, for the strategies that decide in Python."""
    return json.dumps(evidence, ensure_ascii=False)
