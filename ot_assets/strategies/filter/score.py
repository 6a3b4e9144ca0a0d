"""The best by a number that is there already."""

from __future__ import annotations

import polars as pl

from ot_assets.contracts import Rows
from ot_assets.strategies.filter.scoring import check_keep, keep_best
from ot_assets.strategies.registry import Split, strategy
from ot_resources.interfaces import BadInput

_EXTRA = "extra."


@strategy(stage="filter", version=1, needs=())
def score(
    questions: pl.LazyFrame,
    *,
    column: str,
    keep: Rows | dict[str, Rows] | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    per_source: bool = False,
    lowest: bool = False,
    seed: int = 42,
) -> Split:
    """Keep the questions with the highest (`lowest`: the lowest) number in `column`, or those within two limits.

    `column` is a column, or `extra.name` (`extra.a.b`) for a number in the JSON of `extra`, such as a difficulty that a
    source came with. `keep` counts all rows, those of each source (`per_source`), or is {source: how many}; with limits
    only rows within them count. Equal numbers are ordered by sha256(seed, question_id). The others are dropped as
    `low_score`, `high_score` above `at_most` or with `lowest`; rows without a number as `no_score`, and sources that
    `keep` lacks as `no_quota`. Text that is a number counts as one.

    OpenThoughts3 cuts code by a difficulty of 1 to 10 that GPT-4o-mini gave (paper, table 4: 43.0 on average, the best
    filter for code). Where a source has such numbers, nobody need be asked again.

    Columns in: question_id, the column, source for a cut by source. Columns out: the same and `score` (Float64).
    BadInput: no such column, or nothing that says what is kept.
    """
    where = "filter.score"
    check_keep(questions, keep=keep, at_least=at_least, at_most=at_most, per_source=per_source, where=where)
    number = _number(column, questions.collect_schema(), where)
    value = pl.col("score")
    high = (value > at_most) if at_most is not None else pl.lit(False)
    low = value < at_least if at_least is not None else pl.lit(False)
    rest = pl.lit("high_score" if lowest else "low_score")
    return keep_best(
        questions,
        questions.select(number.alias("score")).collect(engine="streaming"),
        score="score",
        keep=keep,
        at_least=at_least,
        at_most=at_most,
        per_source=per_source,
        seed=seed,
        low=pl.when(high).then(pl.lit("high_score")).when(low).then(pl.lit("low_score")).otherwise(rest),
        failed="no_score",
        evidence={"column": column},
        where=where,
        lowest=lowest,
    )


def _number(column: str, schema: pl.Schema, where: str) -> pl.Expr:
    """The column, or the path into `extra`, as a number; null where it is none, infinity and NaN included."""
    if column in schema:
        if not (schema[column].is_numeric() or schema[column] in (pl.String, pl.Null)):
            raise BadInput(f"{where}: 'column': '{column}' is {schema[column]}, not a number")
        number = pl.col(column).cast(pl.Float64, strict=False)
    elif column.startswith(_EXTRA) and "extra" in schema:
        path = "$" + "".join(f"['{name}']" for name in column.removeprefix(_EXTRA).split("."))
        if "'" in column or "\\" in column or "[''" in path:
            raise BadInput(f"{where}: 'column': '{column}' is no path; write extra.name or extra.name.name")
        number = pl.col("extra").str.json_path_match(path).cast(pl.Float64, strict=False)
    else:
        raise BadInput(f"{where}: no column '{column}'; there is: {', '.join(schema.names())}, or extra.name")
    return pl.when(number.is_finite()).then(number)
