"""Keep the best by a score: the half that all scoring filters share. How the score comes about is theirs.

Only the scores, the sources and a key of each row are held in memory; the rows themselves stream past.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import polars as pl

from ot_assets.strategies.dropping import split
from ot_assets.strategies.ranking import RANK, ROW, rank_key
from ot_assets.strategies.registry import Split
from ot_resources.interfaces import BadInput

ERROR = "__error"
_KEY = "__key"
_SOURCE = "__source"
_QUOTA = "__quota"
_CUTOFF = "__cutoff"
_INSIDE = "__inside"
_ALL = 2**62

Keep = int | dict[str, int] | None


def check_keep(
    questions: pl.LazyFrame,
    *,
    keep: Keep,
    at_least: float | None,
    per_source: bool,
    where: str = "filter",
    at_most: float | None = None,
) -> None:
    """BadInput where nothing says what is kept, or where it names a source that no row has. Ask before paying."""
    if keep is None and at_least is None and at_most is None:
        raise BadInput(f"{where}: give 'keep' (how many), 'at_least' (the lowest score), or both")
    if per_source and keep is None:
        raise BadInput(f"{where}: 'per_source' says how 'keep' counts; give 'keep'")
    if not per_source and not isinstance(keep, dict):
        return
    if "source" not in questions.collect_schema():
        raise BadInput(f"{where}: '{'per_source' if per_source else 'keep'}' needs the column 'source'")
    if isinstance(keep, dict):
        present = questions.select(pl.col("source").unique()).collect()["source"].drop_nulls().sort().to_list()
        unknown = [name for name in keep if name not in present]
        if unknown and present:
            raise BadInput(f"{where}: 'keep': no rows of the source '{unknown[0]}'; there is: {', '.join(present)}")


def keep_best(
    questions: pl.LazyFrame,
    scores: pl.DataFrame,
    *,
    score: str,
    keep: Keep,
    at_least: float | None,
    per_source: bool,
    seed: int,
    low: str | pl.Expr,
    failed: str | pl.Expr = "judge_failed",
    evidence: Mapping[str, Any] = MappingProxyType({}),
    compat: Literal["input_order"] | None = None,
    where: str = "filter",
    lowest: bool = False,
    at_most: float | None = None,
) -> Split:
    """The rows with the highest `score`, in input order, with that column.

    `scores` has one row a question, in input order: the numeric column `score`, if wanted `__error` (String, why a row
    has none), and any others; those are added to the rows too, unless their name starts with `__`.

    `keep` is how many stay: of all, of each source (`per_source`), or {source: how many}. Only scores from `at_least`
    to `at_most` stay; those outside come last. With `lowest` the low scores are the best. Equal scores are ordered by
    sha256(seed, question_id); with `compat="input_order"` the earlier row comes first, as in the published filters,
    which sort and cut.

    Dropped: as `low` what is not among the best; as `failed` what has no score, or an error (each a name, or an
    expression over the columns of rows and scores); as `no_quota` what has a source that `keep` does not name.
    Evidence: score, rank, keep, cutoff (the last score kept), the limits given, error, and the values or expressions of
    `evidence`.

    Columns in: question_id, and source with `per_source` or a `keep` by source. RuntimeError: scores do not fit rows.
    """
    check_keep(questions, keep=keep, at_least=at_least, at_most=at_most, per_source=per_source, where=where)
    by_source = per_source or isinstance(keep, dict)
    inside = _inside(score, at_least, at_most)
    ranked = _rank(questions, scores, score, inside, keep, by_source, seed, compat, lowest)
    joined = questions.drop(ranked.columns, strict=False).with_row_index(ROW)
    joined = joined.join(ranked.lazy(), on=ROW, how="left", maintain_order="left")
    broken = pl.col(ERROR).is_not_null()
    more = [
        value.alias(name) if isinstance(value, pl.Expr) else pl.lit(value).alias(name)
        for name, value in evidence.items()
    ]
    return split(
        joined,
        _stays(inside),
        reason=pl.when(broken)
        .then(_reason(failed))
        .when(pl.col(_QUOTA).is_null())
        .then(pl.lit("no_quota"))
        .otherwise(_reason(low)),
        evidence=pl.struct(
            pl.col(score).alias("score"),
            pl.when(~broken).then(pl.col(RANK)).alias("rank"),
            (pl.col(_QUOTA) if keep is not None else pl.lit(None, pl.Int64)).alias("keep"),
            pl.col(_CUTOFF).alias("cutoff"),
            pl.lit(at_least, pl.Float64).alias("at_least"),
            *([] if at_most is None else [pl.lit(at_most, pl.Float64).alias("at_most")]),
            pl.col(ERROR).alias("error"),
            *more,
        ),
        scratch=(ROW, *(name for name in ranked.columns if name.startswith("__") and name != ROW)),
    )


def _reason(reason: str | pl.Expr) -> pl.Expr:
    return pl.lit(reason) if isinstance(reason, str) else reason


def _inside(score: str, at_least: float | None, at_most: float | None) -> pl.Expr:
    above = pl.lit(True) if at_least is None else pl.col(score) >= at_least
    return above if at_most is None else above & (pl.col(score) <= at_most)


def _stays(inside: pl.Expr) -> pl.Expr:
    return pl.col(ERROR).is_null() & (pl.col(RANK) <= pl.col(_QUOTA)) & inside


def _rank(
    questions: pl.LazyFrame,
    scores: pl.DataFrame,
    score: str,
    inside: pl.Expr,
    keep: Keep,
    by_source: bool,
    seed: int,
    compat: str | None,
    lowest: bool,
) -> pl.DataFrame:
    """`scores` with the row's number, its rank, how many of its group stay, and the last score of those."""
    group = pl.col("source") if by_source else pl.lit(None, pl.String)
    key = pl.int_range(pl.len()) if compat == "input_order" else rank_key(seed)
    narrow = questions.select(key.alias(_KEY), group.cast(pl.String).alias(_SOURCE)).collect(engine="streaming")
    if len(narrow) != len(scores):
        raise RuntimeError(f"{len(scores)} scores for {len(narrow)} questions")
    if isinstance(keep, dict):
        quota = pl.col(_SOURCE).replace_strict(keep, default=None, return_dtype=pl.Int64)
    else:
        quota = pl.lit(_ALL if keep is None else keep, pl.Int64)
    error = pl.col(ERROR) if ERROR in scores.columns else pl.lit(None, pl.String)
    number = pl.col(score).cast(pl.Float64).is_nan().fill_null(True)
    rows = (
        scores.hstack(narrow)
        .with_row_index(ROW)
        .with_columns(
            pl.when(error.is_null() & number).then(pl.lit("no score")).otherwise(error).alias(ERROR),
            quota.alias(_QUOTA),
        )
    )
    # a row with an error has no score, whatever stands beside the error
    rows = rows.with_columns(pl.when(pl.col(ERROR).is_null()).then(pl.col(score)).alias(score))
    ordered = rows.select(ROW, _SOURCE, score, _KEY, inside.alias(_INSIDE)).sort(
        _INSIDE, score, _KEY, ROW, descending=[True, not lowest, False, False], nulls_last=True
    )
    ranks = ordered.select(ROW, pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(_SOURCE).alias(RANK))
    kept = pl.when(_stays(inside)).then(pl.col(score))
    cutoff = (kept.max() if lowest else kept.min()).over(_SOURCE)
    return (
        rows.join(ranks, on=ROW, how="left", maintain_order="left")
        .with_columns(cutoff.alias(_CUTOFF))
        .drop(_KEY, _SOURCE)
    )
