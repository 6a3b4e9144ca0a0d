"""Questions that look like those of a good set, told by a fastText classifier."""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from ot_assets.contracts import Rows
from ot_assets.strategies.fasttext_model import Settings, score_rows, train
from ot_assets.strategies.filter.scoring import check_keep, keep_best
from ot_assets.strategies.registry import Split, strategy

Count = Annotated[int, Field(ge=1)]


@strategy(stage="filter", version=1, packages=("floret",))
def fasttext(
    questions: pl.LazyFrame,
    *,
    positives: pl.LazyFrame,
    negatives: pl.LazyFrame,
    keep: Rows | dict[str, Rows] | None = None,
    at_least: float | None = None,
    per_source: bool = False,
    seed: int = 42,
    dim: Count = 256,
    epochs: Count = 3,
    lr: Annotated[float, Field(gt=0)] = 0.1,
    word_ngrams: Count = 3,
    min_count: Count = 3,
    buckets: Count = 2_000_000,
    compat: Literal["input_order"] | None = None,
) -> Split:
    """Keep the questions that a fastText classifier finds most like `positives` and least like `negatives`.

    Two tables of questions; the classifier is trained on them each time, in one thread, the same for the same texts and
    `seed`. The score is P(like the positives). What is not among the `keep` best (of all, of each source, or {source:
    how many}), or below `at_least`, is dropped as `unlike_positives`; an empty question as `no_score`.

    OpenThoughts3 (_B2_Filtering): dim 256, 3 epochs, rate 0.1, words that occur 3 times, n-grams of up to 3 words (2 in
    some configs), newlines flattened; sets themselves cleaned of benchmarks (here as given). Math with NuminaMath
    against Lap1official/Math gives 35.6 on average, response length 41.9 (paper, table 4); lost everywhere. Variants:
    code codeforces, code golf, IOI, LeetCode against SQL; math olympiads, s1K, OpenR1; science SciQ, SCP-116K. The
    original sorts and cuts: `compat="input_order"` keeps the earlier of equal scores. `buckets` rows for n-grams take
    4 * `dim` bytes each, 2 GB as published.

    Columns in: question, question_id, source for a cut by source; of the tables question. Columns out: the same and
    `fasttext_score` (Float64, 0 to 1). BadInput: a table without text, or nothing that says what is kept.
    """
    where = "filter.fasttext"
    check_keep(questions, keep=keep, at_least=at_least, per_source=per_source, where=where)
    settings = Settings(dim, epochs, lr, word_ngrams, min_count, buckets, seed)
    wanted, unwanted = (table.select("question").collect()["question"] for table in (positives, negatives))
    classifier = train(wanted, unwanted, settings, where)
    return keep_best(
        questions,
        score_rows(questions, pl.col("question"), classifier, "fasttext_score"),
        score="fasttext_score",
        keep=keep,
        at_least=at_least,
        per_source=per_source,
        seed=seed,
        low="unlike_positives",
        failed="no_score",
        compat=compat,
        where=where,
    )
