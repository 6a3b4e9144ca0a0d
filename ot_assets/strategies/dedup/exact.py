"""The same text twice."""

from __future__ import annotations

from typing import Literal

import polars as pl

from ot_assets.strategies.dropping import SHOWN, split
from ot_assets.strategies.ordering import earliest_first
from ot_assets.strategies.ranking import ROW
from ot_assets.strategies.registry import Split, strategy

Normalise = Literal["none", "spaces", "text"]

_TEXT = "__text"
_HASH = "__hash"
_BYTES = "__bytes"
_PLACE = "__place"
_FIRST = "__first"
_TWIN = "__twin"
_TWIN_TEXT = "__twin_text"
# Of the texts that are held at once; more of them mean more passes over the questions.
_MOST_BYTES = 500_000_000


@strategy(stage="dedup", version=3)
def exact(questions: pl.LazyFrame, *, normalise: Normalise = "none", order: tuple[str, ...] = ()) -> Split:
    """Of questions with the very same text the earliest one stays; the others are dropped as `duplicate`.

    `normalise` says what is the same text:
    - `none`, as published: every character counts, a trailing space makes another question.
    - `spaces`: any run of white space counts as one space, and none at either end.
    - `text`: `spaces`, and beside it Unicode's NFC, lower case, and no full stop or question mark at the end. An
      exclamation mark stays: it may be a factorial. Questions that differ in the case of a variable become one.

    `order` names the columns that decide which row is the earliest, '-' in front for the greatest first, such as
    `[-score, question_id]`; nulls come last, ties and the default are input order. A null question has no twin.

    Held in memory are a hash a row, and with `order` its columns, then the evidence; of the texts only those whose hash
    occurs twice, half a gigabyte at a time. They are compared themselves: no row leaves for its hash.

    OpenThoughts3: math 180k to 80k, science 60k to 50k (funnel in its release post); best of none, exact and fuzzy for
    science with 16 answers a question (36.2 on average, fuzzy 36.1, none 35.7; paper, table 5).

    Columns in: question, question_id, those of `order`. Columns out: the same.
    """
    text = _normalised(normalise)
    places = _places(questions, text, order)
    told = [_again(questions, text, part) for part in _parts(places)]
    rows = questions.with_row_index(ROW)
    if told:
        rows = rows.join(pl.concat(told).lazy(), on=ROW, how="left", maintain_order="left")
    else:
        rows = rows.with_columns(pl.lit(None, pl.String).alias(name) for name in (_FIRST, _TWIN, _TWIN_TEXT))
    question = pl.col("question")
    return split(
        rows,
        pl.col(_FIRST).is_null(),
        reason="duplicate",
        evidence=pl.struct(
            pl.col(_TWIN).alias("twin"),
            pl.col(_TWIN_TEXT).alias("twin_text"),
            pl.lit("exact").alias("rule"),
            pl.lit(100.0).alias("score"),
            pl.concat_list(pl.lit(0, pl.UInt32), question.str.len_chars()).alias("span"),
            question.str.head(SHOWN).alias("matched"),
            pl.lit(normalise).alias("normalise"),
        ),
        scratch=(ROW, _FIRST, _TWIN, _TWIN_TEXT),
    )


def _normalised(normalise: Normalise) -> pl.Expr:
    text = pl.col("question")
    if normalise == "none":
        return text
    if normalise == "text":
        text = text.str.normalize("NFC").str.to_lowercase().str.replace(r"[\s.?。？]+$", "")
    return text.str.replace_all(r"\s+", " ").str.strip_chars()


def _hash(text: pl.Expr) -> pl.Expr:
    return text.hash(seed=0)


def _places(questions: pl.LazyFrame, text: pl.Expr, order: tuple[str, ...]) -> pl.DataFrame:
    """Row, hash, bytes and place (0 is the earliest row) of every question whose hash another one has, too."""
    hashed = questions.select(
        pl.when(text.is_not_null()).then(_hash(text)).alias(_HASH), pl.col("question").str.len_bytes().alias(_BYTES)
    )
    hashed = hashed.with_row_index(ROW).drop_nulls()
    twice = hashed.collect(engine="streaming").filter(pl.col(_HASH).is_duplicated())
    if not order:
        return twice.with_columns(pl.col(ROW).alias(_PLACE))
    places = earliest_first(questions, order, "dedup.exact").select(ROW).with_row_index(_PLACE).collect()
    return twice.join(places, on=ROW)


def _parts(places: pl.DataFrame) -> list[pl.DataFrame]:
    """Equal hashes together, and as a rule no more bytes than are held at once."""
    parts = int(-(-places[_BYTES].sum() // _MOST_BYTES))
    if parts > 1:
        return places.with_columns(pl.col(_HASH) % parts).partition_by(_HASH)
    return [places] if len(places) else []


def _again(questions: pl.LazyFrame, text: pl.Expr, part: pl.DataFrame) -> pl.DataFrame:
    """Row, and place, id and beginning of its twin, of those questions of `part` whose text an earlier one has."""
    narrow = questions.select("question_id", "question", text.alias(_TEXT)).with_row_index(ROW)
    rows = narrow.join(part.select(ROW, _PLACE).lazy(), on=ROW).collect(engine="streaming")
    texts = rows.with_columns(pl.col(_PLACE).min().over(_TEXT).alias(_FIRST))
    firsts = texts.filter(pl.col(_PLACE) == pl.col(_FIRST)).select(
        _FIRST,
        pl.col("question_id").cast(pl.String).alias(_TWIN),
        pl.col("question").str.head(SHOWN).alias(_TWIN_TEXT),
    )
    again = texts.filter(pl.col(_PLACE) != pl.col(_FIRST)).select(ROW, _FIRST)
    return again.join(firsts, on=_FIRST).select(ROW, _FIRST, _TWIN, _TWIN_TEXT)
