"""Questions that share a run of tokens with a benchmark's."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from ot_assets.strategies.decontaminate.matching import drop_matches, read_items
from ot_assets.strategies.decontaminate.ngrams import MOST, WHOLE_FROM, Compat, ngram_matcher
from ot_assets.strategies.registry import Split, strategy
from ot_resources.interfaces import Tokenizer


@strategy(stage="decontaminate", version=3)
def ngram(
    questions: pl.LazyFrame,
    *,
    against: pl.LazyFrame,
    tokenizer: Tokenizer,
    n: Annotated[int, Field(ge=1, le=MOST)] = 13,
    whole_from: Annotated[int, Field(ge=1, le=MOST)] = WHOLE_FROM,
    compat: Compat = None,
) -> Split:
    """Drop what shares a run of `n` tokens with a benchmark question, or has a short one whole in it.

    Half of the OpenThoughts3 rule, which counts Qwen2-7B-Instruct tokens with n = 13 (its
    `decontaminate_fuzzy_w_ngram`). Drops boilerplate, misses paraphrase.

    The published rule does not see a benchmark question of fewer than `n` tokens: `compat: no_short_items` does so too.
    By default such a question matches what has all of its tokens in a row; one of fewer than `whole_from` tokens
    matches only what has its tokens and no more, as two or three words stand in many a question that is another one.

    Columns in: question; of `against` question, question_id and source where there are. Columns out: the same.
    Dropped as `contaminated` with the twin, its text, the rule (`ngram` or `whole_item`) and the run, with its place.
    """
    matcher = ngram_matcher(read_items(against), tokenizer, n, whole_from=whole_from, compat=compat)
    return drop_matches(questions, [matcher])
