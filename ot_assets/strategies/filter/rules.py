"""Drop by rules on a row's own text: the half that the text filters share."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ot_assets.strategies.dropping import split
from ot_assets.strategies.registry import Split

_REASON = "__reason"


@dataclass(frozen=True)
class Rule:
    """Rows where `broken` is true go, as `reason`; `told` (String) is what it was seen by. A null breaks no rule."""

    reason: str
    broken: pl.Expr
    told: pl.Expr


def drop_broken(questions: pl.LazyFrame, rules: list[Rule]) -> Split:
    """Drop what breaks a rule; the first of several gives the reason. Evidence: {matched}. Nothing is held."""
    reason, told = pl.lit(None, pl.String), pl.lit(None, pl.String)
    for rule in reversed(rules):
        reason = pl.when(rule.broken).then(pl.lit(rule.reason)).otherwise(reason)
        told = pl.when(rule.broken).then(rule.told).otherwise(told)
    return split(
        questions.with_columns(reason.alias(_REASON)),
        pl.col(_REASON).is_null(),
        reason=pl.col(_REASON),
        evidence=pl.struct(told.alias("matched")),
        scratch=(_REASON,),
    )


def found(column: pl.Expr, words: list[str]) -> pl.Expr:
    """The first of `words` in the text, in lower case; null where there is none. The text is compared in lower case."""
    pattern = "|".join(_literal(word.lower()) for word in words) or r"[^\s\S]"
    return column.str.to_lowercase().str.extract(f"({pattern})")


def blank(column: pl.Expr) -> pl.Expr:
    """Null, or white space only."""
    return column.str.strip_chars().fill_null("") == ""


def _literal(word: str) -> str:
    return "".join(letter if letter.isalnum() or letter == " " else rf"\x{{{ord(letter):x}}}" for letter in word)
