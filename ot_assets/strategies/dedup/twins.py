"""What the strategies that look for near duplicates share: who is the earlier one, the nearest twin, and the drop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from ot_assets.strategies.dropping import SHOWN, split
from ot_assets.strategies.ordering import earliest_first
from ot_assets.strategies.ranking import ROW
from ot_assets.strategies.registry import Split

if TYPE_CHECKING:
    from ot_assets.similarity.pairs import Pairs

# Of different texts, earliest first, the pairs of which the later one goes.
Finder = Callable[[list[str]], "Iterable[Pairs]"]
# Why a later text (a number) has an earlier one (a number) as its twin, in words.
Because = Callable[[int, int], str | None]

_TWIN = "__twin"


def drop_near(
    questions: pl.LazyFrame,
    find: Finder,
    *,
    order: tuple[str, ...],
    where: str,
    told: dict[str, Any],
    reason: str = "near_duplicate",
    same: float = 100.0,
    because: Because | None = None,
) -> Split:
    """Drop as `reason` what `find` pairs with an earlier question, and what has the very text of one (score: `same`).

    The twin is the earlier question of the highest score, of equal ones the earliest, whether it stays or not. The
    evidence is the twin, its text, the score, the longest run that both have, `told`, and as `reason` what `because`
    says of the two. A null question has no twin. The different texts are held in memory, the rows stream past them.

    Columns in: question, question_id, and those that `order` names. Columns out: the same.
    """
    rows = earliest_first(questions, order, where).select(ROW, "question_id", "question").collect()
    said = [] if because is None else ["reason"]
    twins = _twins(rows, find, same, because).select(
        ROW, pl.struct("twin", "twin_text", "score", *_literals(told), *said, "span", "matched").alias(_TWIN)
    )
    joined = questions.with_row_index(ROW).join(twins.lazy(), on=ROW, how="left", maintain_order="left")
    return split(joined, pl.col(_TWIN).is_null(), reason=reason, evidence=pl.col(_TWIN), scratch=(ROW, _TWIN))


def _literals(told: dict[str, Any]) -> list[pl.Expr]:
    return [pl.lit(value).alias(name) for name, value in told.items()]


def _twins(rows: pl.DataFrame, find: Finder, same: float, because: Because | None) -> pl.DataFrame:
    """`__row` and what is known of the twin, of every row that is dropped; `rows` come earliest first."""
    from ot_assets.similarity.pairs import nearest

    asked = rows.filter(pl.col("question").is_not_null()).with_columns(pl.col("question_id").cast(pl.String))
    firsts = asked.unique("question", keep="first", maintain_order=True)
    texts = firsts["question"].to_list()
    later, earlier, score = nearest(find(texts), len(texts))
    near = firsts[later].select(
        ROW,
        firsts["question_id"].gather(earlier).alias("twin"),
        firsts["question"].gather(earlier).str.head(SHOWN).alias("twin_text"),
        pl.Series("score", score, dtype=pl.Float64).round(4),
        pl.Series("reason", list(map(because or _nothing, later.tolist(), earlier.tolist())), dtype=pl.String),
        spans([texts[number] for number in later], [texts[number] for number in earlier]),
        "question",
    )
    again = (
        asked.join(
            firsts.select("question", pl.col(ROW).alias("first"), pl.col("question_id").alias("twin")), on="question"
        )
        .filter(pl.col(ROW) != pl.col("first"))
        .select(
            ROW,
            "twin",
            pl.col("question").str.head(SHOWN).alias("twin_text"),
            pl.lit(same).alias("score"),
            pl.lit("the same text").alias("reason"),
            pl.concat_list(pl.lit(0, pl.Int64), pl.col("question").str.len_chars().cast(pl.Int64)).alias("span"),
            "question",
        )
    )
    start, end = pl.col("span").list.get(0), pl.col("span").list.get(1)
    matched = pl.col("question").str.slice(start, pl.min_horizontal(end - start, SHOWN)).alias("matched")
    return pl.concat([near, again]).with_columns(matched)


def _nothing(later: int, earlier: int) -> None:
    """Nobody was asked."""


def spans(texts: Sequence[str], twins: Sequence[str]) -> pl.Series:
    """Of each text the span [start, end), in characters, of the longest run that it shares with its twin."""
    from ot_assets.similarity.spans import longest_run

    found = [list(longest_run(text, twin)) for text, twin in zip(texts, twins, strict=True)]
    return pl.Series("span", found, dtype=pl.List(pl.Int64))
