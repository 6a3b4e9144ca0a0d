"""Answers in English, as far as their script tells it."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from ot_assets.strategies.dropping import split
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.select.response import response

_LATIN = r"[\p{L}&&\p{Latin}]"
# Letters of no script at all are mathematical ones and the like (double-struck, script, fraktur).
_FOREIGN = r"[\p{L}--[\p{Latin}\p{Greek}\p{Common}\p{Inherited}]]"
_EXAMPLE_CHARS = 40
_TEXT = "__text"
_LETTERS = "__letters"
_OTHER = "__other"


@strategy(stage="select", version=1, needs=("answer",))
def english(answers: pl.LazyFrame, *, at_most: Annotated[float, Field(ge=0, lt=1)] = 0.001) -> Split:
    """Drop answers with more than `at_most` of their letters in another script than Latin, as `not_english`.

    Counted are the letters (Unicode category L) of reasoning and answer. Greek letters and those that belong to no
    script, such as mathematical alphabets, are symbols and do not count, nor do digits and marks. With the default one
    letter in a thousand is let pass, a stray character of a long trace; 0 lets none pass. Other languages in Latin
    script, and Greek, are not found.

    The rule is ours: the OpenThoughts paper describes the removal of non-English answers, its code was not released.
    Its figure for math: 41.1 on average, no filter 41.9 (table 6).

    Columns in: answer; reasoning where there is. Columns out: the same.
    """
    schema = answers.collect_schema()
    counted = answers.with_columns(response(schema).alias(_TEXT)).with_columns(
        pl.col(_TEXT).str.count_matches(_FOREIGN).cast(pl.Int64).alias(_OTHER),
        pl.col(_TEXT).str.count_matches(_LATIN).cast(pl.Int64).alias(_LETTERS),
    )
    counted = counted.with_columns((pl.col(_LETTERS) + pl.col(_OTHER)).alias(_LETTERS))
    return split(
        counted,
        pl.col(_OTHER) <= at_most * pl.col(_LETTERS),
        reason="not_english",
        evidence=pl.struct(
            (pl.col(_OTHER) / pl.col(_LETTERS)).round(6).alias("share"),
            pl.lit(at_most).alias("at_most"),
            pl.col(_LETTERS).alias("letters"),
            pl.col(_TEXT).str.extract(f"({_FOREIGN}+)").str.head(_EXAMPLE_CHARS).alias("example"),
        ),
        scratch=(_TEXT, _LETTERS, _OTHER),
    )
