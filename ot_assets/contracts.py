"""The columns of a question, an answer, a verified answer and a conversation, and the stages that make them.

Every stage may add columns of its own; it must keep those of its contract, with these types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

Schema = dict[str, pl.DataType | type[pl.DataType]]

QUESTION: Schema = {
    "question_id": pl.String,
    "source": pl.String,
    "domain": pl.String,
    "question": pl.String,
    "reference": pl.String,
    "tests": pl.String,  # JSON, see ot_assets/strategies/verify/code.py
    "extra": pl.String,  # JSON object of whatever else the source had
}

ANSWER: Schema = QUESTION | {
    "sample": pl.Int64,
    "model": pl.String,
    "reasoning": pl.String,
    "answer": pl.String,
    "finish_reason": pl.String,
    "prompt_tokens": pl.Int64,
    "completion_tokens": pl.Int64,
    "response_id": pl.String,
}

VERDICT: Schema = {
    "verdict": pl.String,
    "verdict_by": pl.String,
    "verdict_reason": pl.String,
    "verdict_seconds": pl.Float64,
}

# What several checkers said of one answer, where several did.
VERDICTS = pl.List(pl.Struct({"by": pl.String, "verdict": pl.String, "reason": pl.String}))

VERIFIED: Schema = ANSWER | VERDICT

CONVERSATION: Schema = {
    "row_id": pl.String,
    "conversations": pl.List(pl.Struct({"from": pl.String, "value": pl.String})),
}

# One trained student: `student` names it in `Students`, `loss` is that of its last steps, `tokens` those it learned.
STUDENT: Schema = {
    "seed": pl.Int64,
    "student": pl.String,
    "base": pl.String,
    "rows": pl.Int64,
    "tokens": pl.Int64,
    "steps": pl.Int64,
    "loss": pl.Float64,
    "train_seconds": pl.Float64,
}

# One answer of a student to one question of a benchmark, or of a score that was measured elsewhere one repeat of all of
# its questions: `question_id` is then null. `right` is the share of the `n` answers it stands for that are right.
SCORE: Schema = {
    "seed": pl.Int64,
    "student": pl.String,
    "benchmark": pl.String,
    "held_out": pl.Boolean,
    "question_id": pl.String,
    "sample": pl.Int64,
    "right": pl.Float64,
    "n": pl.Int64,
    "completion_tokens": pl.Int64,
}

# One variant on one benchmark, or on the mean of those that may choose (`dev`) or may not (`held_out`). Scores, their
# standard errors and differences are in points of 100. `verdict`, `chosen` and what follows stand on the dev rows only.
SCOREBOARD: Schema = {
    "variant": pl.String,
    "benchmark": pl.String,
    "held_out": pl.Boolean,
    "score": pl.Float64,
    "se": pl.Float64,
    "seeds": pl.Int64,
    "questions": pl.Int64,
    "repeats": pl.Int64,
    "verdict": pl.String,
    "chosen": pl.Boolean,
    "vs_best": pl.Float64,
    "vs_best_se": pl.Float64,
    "p_value": pl.Float64,
    "vs_baseline": pl.Float64,
    "vs_baseline_se": pl.Float64,
    "vs_baseline_verdict": pl.String,
    "rows": pl.Int64,
    "tokens": pl.Int64,
    "money": pl.Float64,
    "reason": pl.String,
    "published": pl.Float64,
    "published_se": pl.Float64,
}

DROPPED: Schema = {"drop_reason": pl.String, "drop_evidence": pl.String}

# What filters add to the rows that they keep, by how they came to it.
SCORES = (
    "response_characters",
    "response_tokens",
    "difficulty",
    "ask_llm",
    "pass_rate",
    "fasttext_score",
    "embedding_score",
    "score",
)

# Whose scores they are, where several variants stand side by side.
COLUMNS: Schema = VERIFIED | CONVERSATION | STUDENT | SCORE | {"variant": pl.String} | DROPPED

# These depend on the run, not on what was chosen: they are left out of a version's content hash.
VOLATILE = frozenset({"response_id", "verdict_by", "verdict_reason", "verdict_seconds", "verdicts", "train_seconds"})

DOMAINS = ("math", "code", "science", "puzzle")

# A parameter annotated with this counts rows of the full-size recipe and is multiplied by the run's scale.
SCALED = "counts rows at full size"
Rows = Annotated[int, SCALED, Field(ge=1, le=2**53)]
# So is one that counts money.
Money = Annotated[float, SCALED, Field(gt=0)]


@dataclass(frozen=True)
class Stage:
    """One stage of a recipe: the asset it makes, the rows it holds, and how its counts must add up.

    `counts` is "filter" where in = kept + dropped, "fan_out" where each row may become several
    (in x n = answered + failed), and "free" where rows may be repeated.
    """

    name: str
    asset: str
    contract: Schema
    counts: Literal["filter", "fan_out", "free"] = "filter"
    key: tuple[str, ...] = ("question_id",)


_ANSWER_KEY = ("question_id", "sample")

STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage("sources", "questions", QUESTION),
        Stage("mix", "mixed", QUESTION),
        Stage("decontaminate", "decontaminated", QUESTION),
        Stage("filter", "filtered", QUESTION),
        Stage("dedup", "deduplicated", QUESTION),
        Stage("sample", "sampled", QUESTION),
        Stage("answers", "answers", ANSWER, counts="fan_out", key=_ANSWER_KEY),
        Stage("verify", "verified", VERIFIED, key=_ANSWER_KEY),
        Stage("select", "selected", ANSWER, key=_ANSWER_KEY),
        Stage("format", "formatted", ANSWER | CONVERSATION, key=_ANSWER_KEY),
    )
}

# What follows a recipe's stages in a study: so many rows of each variant, the students trained on them, how they score,
# and all variants side by side.
STUDY_STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage("cell", "cell", CONVERSATION, key=("row_id",)),
        Stage("student", "student", STUDENT, counts="free", key=("seed",)),
        Stage(
            "scores",
            "scores",
            SCORE,
            counts="free",
            key=("seed", "benchmark", "question_id", "sample"),
        ),
        Stage("scoreboard", "scoreboard", SCOREBOARD, counts="free", key=("variant", "benchmark")),
    )
}
