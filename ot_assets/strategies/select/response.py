"""The whole of what a model wrote, as the rules on text read it."""

from __future__ import annotations

import polars as pl


def response(schema: pl.Schema) -> pl.Expr:
    """Reasoning, an empty line, the answer; what is null or not there counts as empty."""
    parts = [pl.col(column).fill_null("") for column in ("reasoning", "answer") if column in schema]
    return pl.concat_str(parts, separator="\n\n")
