"""The harder a question, the more it has to teach."""

from __future__ import annotations

from typing import Literal

import polars as pl

from ot_assets.contracts import Rows
from ot_assets.strategies.filter.rating import REASON, rate
from ot_assets.strategies.filter.rubrics import RUBRICS, Rubric
from ot_assets.strategies.filter.scoring import check_keep, keep_best
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.tasks import DIFFICULTY
from ot_resources.interfaces import Generator

HARDEST = 10


@strategy(stage="filter", version=1)
def difficulty(
    questions: pl.LazyFrame,
    *,
    judge: Generator,
    rubric: Rubric,
    keep: Rows | dict[str, Rows] | None = None,
    at_least: float | None = None,
    per_source: bool = False,
    seed: int = 42,
    max_tokens: int = 256,
    temperature: float = 1.0,
    compat: Literal["input_order"] | None = None,
) -> Split:
    """Keep the questions that a judge finds hardest: `keep` of them, or those of difficulty `at_least`, or both.

    The judge reads the rubric (`rubrics.py`) and the question, and gives a reason and a whole number from 1 to 10. The
    rubrics: `icpc` for code, `aops` for mathematics, `science_olympiad`. `keep` counts all rows, those of each source
    (`per_source`), or is {source: how many}. Ten levels tie often, so most of a cut is decided by the tie: by
    sha256(seed, question_id). Dropped as `too_easy` (evidence: score, rank, cutoff, the judge's reason and model), as
    `judge_failed` what the judge could not rate (evidence: error), as `no_quota` a source that `keep` lacks.

    OpenThoughts3 (paper, table 4): the winner for code, 43.0 on average with GPT-4o-mini and the ICPC rubric (27.7
    code, 56.0 math, 46.4 science), where response length came to 42.2 and AskLLM to 41.6; the release kept 30k of each
    of two sources. The published filter names no temperature, so that the API's default, 1.0, held. It sorts and cuts,
    so that of equal levels the earlier row stays: `compat="input_order"` does so too.

    Columns in: question, question_id; source for a cut by source. Columns out: the same and `difficulty` (Int64).
    BadInput: neither `keep` nor `at_least`.
    """
    where = "filter.difficulty"
    check_keep(questions, keep=keep, at_least=at_least, per_source=per_source, where=where)
    scores = rate(
        questions,
        judge,
        task=DIFFICULTY,
        instructions=RUBRICS[rubric],
        highest=HARDEST,
        score="difficulty",
        temperature=temperature,
        max_tokens=max_tokens,
    )
    return keep_best(
        questions,
        scores,
        score="difficulty",
        keep=keep,
        at_least=at_least,
        per_source=per_source,
        seed=seed,
        low="too_easy",
        evidence={"reason": pl.col(REASON), "model": judge.model, "rubric": rubric},
        compat=compat,
        where=where,
    )
