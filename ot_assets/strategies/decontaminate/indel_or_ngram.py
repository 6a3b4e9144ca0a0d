"""The decontamination of OpenThoughts3."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from ot_assets.strategies.decontaminate.matching import drop_matches, indel_matcher, read_items
from ot_assets.strategies.decontaminate.ngrams import MOST, WHOLE_FROM, Compat, ngram_matcher
from ot_assets.strategies.registry import Split, strategy
from ot_resources.interfaces import Tokenizer


@strategy(stage="decontaminate", version=3)
def indel_or_ngram(
    questions: pl.LazyFrame,
    *,
    against: pl.LazyFrame,
    tokenizer: Tokenizer,
    threshold: Annotated[float, Field(gt=1, le=100)] = 75.0,
    ngram: Annotated[int, Field(ge=1, le=MOST)] = 13,
    whole_from: Annotated[int, Field(ge=1, le=MOST)] = WHOLE_FROM,
    compat: Compat = None,
) -> Split:
    """Drop what has an Indel ratio >= `threshold` (a percentage) or a run of `ngram` tokens in common with a benchmark.

    The ratio is `rapidfuzz.fuzz.ratio` on the raw texts, with the best twin as evidence; the run is looked for where
    the ratio does not match, and is that of `decontaminate.ngram`, with its `whole_from` and its `compat` for benchmark
    questions of fewer than `ngram` tokens. A null question matches nothing.

    OpenThoughts3: `decontaminate_fuzzy_w_ngram` with 75.0 and 13 tokens of Qwen2-7B-Instruct, against 12 benchmarks
    (open-thoughts repository, open_thoughts_3/dcft/data_strategies/_A1_Source/utils.py). On a planted set it missed
    12 of 3,092 and dropped 42 of 3,000 clean questions (paper, appendix).

    Columns in: question; of `against` question, question_id and source where there are. Columns out: the same.
    Dropped as `contaminated`; the evidence names the rule (`indel`, `ngram` or `whole_item`), the twin and the score or
    the run.
    """
    items = read_items(against)
    runs = ngram_matcher(items, tokenizer, ngram, whole_from=whole_from, compat=compat)
    return drop_matches(questions, [indel_matcher(items, threshold), runs])
