"""Questions that read almost like a benchmark's."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from ot_assets.strategies.decontaminate.matching import drop_matches, indel_matcher, read_items
from ot_assets.strategies.registry import Split, strategy


@strategy(stage="decontaminate", version=3)
def indel(
    questions: pl.LazyFrame, *, against: pl.LazyFrame, threshold: Annotated[float, Field(gt=1, le=100)] = 95.0
) -> Split:
    """Drop what has an Indel ratio of at least `threshold` (a percentage) with a benchmark question.

    The ratio is `rapidfuzz.fuzz.ratio` on the raw texts. OpenThoughts-114k: 95 against five benchmarks;
    OpenThoughts2: 95 in its configs, 90 in its blog post (open-thoughts repository, decontaminate.py).

    Columns in: question; of `against` question, question_id and source where there are. Columns out: the same.
    Dropped as `contaminated` with the twin (that of the highest ratio, of equal ones the first), its text, the score,
    and the longest run that both have. A null question matches nothing.
    """
    return drop_matches(questions, [indel_matcher(read_items(against), threshold)])
