"""Run any strategy on a frame, without Dagster, a recipe or a store."""

from __future__ import annotations

from typing import Any

import polars as pl

from ot_assets.contracts import COLUMNS, DROPPED, STAGES
from ot_assets.strategies import registry
from ot_assets.strategies.registry import CAPABILITIES, Split, Strategy
from ot_assets.strategies.tables import Frame, read_table
from ot_resources.interfaces import BadInput

_TEXT = (pl.String, pl.Categorical, pl.Enum, pl.Null)


def apply(name: str, frame: Frame, **params: Any) -> Split:
    """Apply the strategy `stage.name` to `frame` and return `Split(kept, dropped)` of LazyFrames.

    The frame needs only the columns that the strategy declares. Null-typed columns are cast to the contract's type;
    without `question_id`, rows are numbered in input order. A lazy frame may be read more than once: it has to give the
    same rows in the same order each time, which a `unique` or a `join` that keeps no order does not.
    Capabilities go by keyword: `generator=`, `embedder=`, `sandbox=`, `tokenizer=`. A table parameter (`against=`)
    takes a frame, a path, `{path, question}`, or a list.
    """
    stage, _, short = name.partition(".")
    entry = registry.find(stage, short, where=f"apply({name!r})")
    given = {kind: params.pop(kind) for kind in CAPABILITIES if kind in params}
    tables = {key: read_table(params[key], f"apply({name!r}): {key}") for key in entry.tables if key in params}
    checked = entry.check(params, where=f"apply({name!r})")
    values = {key: value for key, value in checked.items() if key not in entry.tables}
    return run(entry, prepare(entry, frame), values | tables | provide(entry, given))


def run(entry: Strategy, frame: pl.LazyFrame, arguments: dict[str, Any]) -> Split:
    """Call the strategy and bring whatever it returns (frame, split, iterator of either) into one Split."""
    result = entry.function(frame, **arguments)
    if isinstance(result, pl.LazyFrame | Split):
        return as_split(result)
    pieces = [as_split(piece) for piece in result]
    if not pieces:
        empty = pl.LazyFrame(schema=STAGES[entry.stage].contract)
        return Split(empty, nothing_dropped(empty))
    return Split(
        pl.concat([piece.kept for piece in pieces]),
        pl.concat([piece.dropped for piece in pieces], how="diagonal_relaxed"),
    )


def as_split(piece: pl.LazyFrame | Split) -> Split:
    """What a strategy returns, or yields, as a Split: a bare frame has dropped nothing."""
    return piece if isinstance(piece, Split) else Split(piece, nothing_dropped(piece))


def nothing_dropped(kept: pl.LazyFrame) -> pl.LazyFrame:
    """An empty `dropped` beside `kept`, with the same columns and the two of every drop."""
    return pl.LazyFrame(schema={**kept.collect_schema(), **DROPPED})


def prepare(entry: Strategy, frame: Frame) -> pl.LazyFrame:
    """The frame as the strategy may rely on it: lazy, typed, with an id."""
    lazy = frame.lazy()
    schema = lazy.collect_schema()
    missing = [column for column in entry.needs if column not in schema]
    if missing:
        raise BadInput(f"{entry.title} needs the column '{missing[0]}'; the frame has: {', '.join(schema.names())}")
    scratch = [column for column in schema if column.startswith("__")]
    if scratch:
        raise BadInput(f"{entry.title}: the column '{scratch[0]}' has a name of the strategies' own; rename it")
    if "question" in entry.needs and not isinstance(schema["question"], _TEXT):
        raise BadInput(f"{entry.title}: the column 'question' is {schema['question']}, not text")
    casts = [pl.col(c).cast(COLUMNS[c]) for c, t in schema.items() if t == pl.Null and c in COLUMNS]
    if isinstance(schema.get("question"), pl.Categorical | pl.Enum):
        casts.append(pl.col("question").cast(pl.String))
    # what was dropped once may be given again
    lazy = lazy.drop(DROPPED, strict=False).with_columns(casts)
    if "question_id" not in schema:
        lazy = lazy.with_row_index("question_id").with_columns(pl.col("question_id").cast(pl.String))
    if "sample" not in schema and "answer" in entry.needs:
        lazy = lazy.with_columns(pl.lit(0, pl.Int64).alias("sample"))
    return lazy


def provide(entry: Strategy, given: dict[str, Any]) -> dict[str, Any]:
    """The capabilities by parameter name; a tokenizer defaults to words, everything else must be given."""
    from ot_assets.similarity.words import Words

    arguments: dict[str, Any] = {}
    for parameter, kind in entry.capabilities.items():
        if kind in given:
            arguments[parameter] = given[kind]
        elif kind == "tokenizer":
            arguments[parameter] = Words()
        else:
            raise BadInput(f"{entry.title} needs a {kind}: pass {kind}=...")
    return arguments
