"""Questions that share a run of tokens with a benchmark's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import polars as pl
from pydantic import Field

from ot_assets.strategies.decontaminate.matching import drop_matches, ngram_matcher, read_items
from ot_assets.strategies.registry import Split, strategy
from ot_resources.interfaces import Tokenizer


@strategy(stage="decontaminate", version=1)
def ngram(
    questions: pl.LazyFrame, *, against: pl.LazyFrame, tokenizer: Tokenizer, n: Annotated[int, Field(ge=1)] = 13
) -> Iterator[Split]:
    """Drop what shares a run of `n` tokens with a benchmark question.

    Half of the OpenThoughts3 rule, which counts Qwen2-7B-Instruct tokens with n = 13 (its
    `decontaminate_fuzzy_w_ngram`). Texts of fewer than `n` tokens share nothing. Drops boilerplate, misses paraphrase.

    Columns in: question; of `against` question, question_id and source where there are. Columns out: the same.
    Dropped as `contaminated` with the twin, its text and the run.
    """
    return drop_matches(questions, [ngram_matcher(read_items(against), tokenizer, n)])
