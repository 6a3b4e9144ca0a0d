"""Questions that ask for an answer, not for a proof."""

from __future__ import annotations

import polars as pl

from ot_assets.strategies.filter.rules import Rule, drop_broken, found
from ot_assets.strategies.registry import Split, strategy

WORDS = ["show ", "prove ", "proof"]


@strategy(stage="filter", version=1)
def no_proofs(questions: pl.LazyFrame, *, words: list[str] = WORDS) -> Split:
    """Drop questions that hold one of `words`, in upper or lower case and anywhere in the text, as `proof`.

    "show ", "prove " and "proof" as in OpenThoughts2's new mathematics (HeroRun1 configs: 15k of each of 4 sources,
    cut so, then deduplicated and cleaned, 50k left). They also hit "improve " and "waterproof", as published.

    Columns in: question. Columns out: the same. Evidence: the word.
    """
    word = found(pl.col("question"), words)
    return drop_broken(questions, [Rule("proof", word.is_not_null(), word)])
