"""Answers that are cut into paragraphs of readable length."""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from ot_assets.strategies.dropping import split
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.select.response import response

_EMPTY_LINES = r"\n(?:[ \t\r]*\n)+"
_PARAGRAPHS = "__paragraphs"
_LENGTHS = "__lengths"


@strategy(stage="select", version=1, needs=("answer",))
def no_long_paragraphs(
    answers: pl.LazyFrame,
    *,
    at_most: Annotated[int, Field(ge=1)] = 300,
    by: Literal["words", "characters"] = "words",
) -> Split:
    """Drop answers with a paragraph of more than `at_most` words, or characters, as `long_paragraph`.

    A paragraph is what stands between empty lines of the reasoning or the answer; lines of white space are empty. A
    word is a run without white space. A listing without empty lines is one paragraph.

    The rule and its default are ours: the OpenThoughts paper describes the removal of long paragraphs, its code was
    not released. Its figure for math: 38.0 on average (code 5.7), no filter 41.9 (code 15.2; table 6).

    Columns in: answer; reasoning where there is. Columns out: the same.
    """
    text = response(answers.collect_schema())
    paragraph = pl.element().str.strip_chars()
    length = paragraph.str.count_matches(r"\S+") if by == "words" else paragraph.str.len_chars()
    paragraphs = text.str.replace_all(_EMPTY_LINES, "\n\n").str.split("\n\n")
    measured = answers.with_columns(paragraphs.alias(_PARAGRAPHS)).with_columns(
        pl.col(_PARAGRAPHS).list.eval(length.cast(pl.Int64)).alias(_LENGTHS)
    )
    longest = pl.col(_LENGTHS).list.max()
    return split(
        measured,
        longest <= at_most,
        reason="long_paragraph",
        evidence=pl.struct(
            longest.alias("longest"),
            pl.lit(at_most).alias("at_most"),
            pl.lit(by).alias("by"),
            pl.col(_PARAGRAPHS).list.get(pl.col(_LENGTHS).list.arg_max()).str.strip_chars().str.head(200).alias("text"),
        ),
        scratch=(_PARAGRAPHS, _LENGTHS),
    )
