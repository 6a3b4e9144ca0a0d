"""Answers that look like those of a good teacher, told by a fastText classifier."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from ot_assets.contracts import Rows
from ot_assets.strategies.answers.imported import imported
from ot_assets.strategies.dropping import split
from ot_assets.strategies.fasttext_model import Settings, score_rows, train
from ot_assets.strategies.filter.scoring import ERROR
from ot_assets.strategies.ranking import RANK, ROW
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.select.places import SIZE, answer_key, with_place
from ot_assets.strategies.select.response import response
from ot_resources.interfaces import BadInput

Count = Annotated[int, Field(ge=1)]
_SCORE = "fasttext_score"


@strategy(stage="select", version=1, needs=("question", "answer"), packages=("floret",))
def fasttext(
    answers: pl.LazyFrame,
    *,
    positives: pl.LazyFrame,
    negatives: pl.LazyFrame,
    share: Annotated[float, Field(gt=0, le=1)] | None = None,
    keep: Rows | None = None,
    at_least: float | None = None,
    seed: int = 42,
    dim: Count = 256,
    epochs: Count = 3,
    lr: Annotated[float, Field(gt=0)] = 0.1,
    word_ngrams: Count = 3,
    min_count: Count = 3,
    buckets: Count = 2_000_000,
) -> Split:
    r"""Keep the answers that a fastText classifier finds most like `positives` and least like `negatives`.

    It reads "Question: ...\nAnswer: ..." with the whole response, reasoning included. A row of a table gives its
    `answer` with its `reasoning`, or what its `extra` brought along (`imported`), or its `reference`. Kept is the best
    `share` of all answers (rounded to the nearest whole row, a half upwards) or the `keep` best, and in either case
    only what scores `at_least`. Of equal scores the lower sha256(seed, question_id, sample) comes first. The others are
    dropped as `unlike_positives`.

    OpenThoughts3: the best answer filter for code, with Codeforces answered by R1 against the same answered by
    GPT-4o-mini (paper, section on answer filters); keeping all answers won all the same. Training as in
    `filter.fasttext`.

    Columns in: question, answer, question_id, sample; reasoning where there is; of the tables question and one of
    those above. Columns out: the same and `fasttext_score` (Float64, 0 to 1). BadInput: both of `share` and `keep`,
    none of the three, or a table without answers.
    """
    where = "select.fasttext"
    if share is not None and keep is not None:
        raise BadInput(f"{where}: give one of 'share' (of all answers) and 'keep' (how many)")
    if share is None and keep is None and at_least is None:
        raise BadInput(f"{where}: give 'share' (of all answers), 'keep' (how many) or 'at_least' (the lowest score)")
    wanted = _texts(positives, "positives", where)
    unwanted = _texts(negatives, "negatives", where)
    classifier = train(wanted, unwanted, Settings(dim, epochs, lr, word_ngrams, min_count, buckets, seed), where)
    scores = score_rows(answers, _text(response(answers.collect_schema())), classifier, _SCORE)
    numbered = answers.drop(_SCORE, strict=False).with_row_index(ROW)
    scored = numbered.join(scores.drop(ERROR).with_row_index(ROW).lazy(), on=ROW, how="left", maintain_order="left")
    best = pl.lit(keep, pl.Int64)
    if share is not None:
        best = (pl.col(SIZE) * share + 0.5).floor().cast(pl.Int64)
    stays = pl.lit(True) if share is None and keep is None else pl.col(RANK) <= best
    return split(
        with_place(scored.drop(ROW), -pl.col(_SCORE), answer_key(seed)),
        stays if at_least is None else stays & (pl.col(_SCORE) >= at_least),
        reason="unlike_positives",
        evidence=pl.struct(
            pl.col(_SCORE).alias("score"),
            pl.col(RANK).alias("rank"),
            best.alias("keep"),
            pl.lit(at_least, pl.Float64).alias("at_least"),
        ),
        scratch=(ROW, RANK, SIZE),
    )


def _text(answer: pl.Expr) -> pl.Expr:
    return pl.format("Question: {}\nAnswer: {}", pl.col("question").fill_null(""), answer.fill_null(""))


def _texts(table: pl.LazyFrame, name: str, where: str) -> pl.Series:
    """Question and answer of each row that has an answer."""
    schema = table.collect_schema()
    if "extra" in schema and "answer" not in schema:
        # Imported answers, one or several a question, as the stage that imports them reads them.
        brought = imported(table if "question_id" in schema else table.with_columns(question_id=pl.lit(""))).kept
        told = brought.select(_text(response(brought.collect_schema())).alias("text")).collect()["text"]
        if len(told):
            return told
    answers: list[pl.Expr] = []
    if "answer" in schema:
        answers.append(pl.when(pl.col("answer").is_not_null()).then(response(schema)))
    if "reference" in schema:
        answers.append(pl.col("reference"))
    if not answers:
        raise BadInput(f"{where}: '{name}': the table has no answers: no column answer, extra or reference")
    answer = pl.coalesce(answers)
    return table.filter(answer.is_not_null()).select(_text(answer).alias("text")).collect()["text"]
