"""Answers that the source brought along."""

from __future__ import annotations

import polars as pl

from ot_assets.strategies.dropping import split
from ot_assets.strategies.registry import Split, strategy
from ot_resources.interfaces import FinishReason

# reasoning, then what follows it; the opening <think> is often part of the chat template and then missing
_THINK = r"(?s)^\s*(?:<think>)?(.*?)</think>(.*)$"
_THOUGHT = r"(?s)<\|begin_of_thought\|>(.*?)<\|end_of_thought\|>(.*)$"
_SOLUTION = r"(?s)<\|begin_of_solution\|>(.*?)(?:<\|end_of_solution\|>|$)"
_IMPORTED = "__imported"


@strategy(stage="answers", version=1, needs=("extra",))
def imported(questions: pl.LazyFrame) -> Split:
    """Take `extra.imported` (answer, reasoning, model) as the one answer of each question, without asking a model.

    Where the reasoning is not apart, it is split off an answer in `<think>` or `<|begin_of_thought|>` tags. An answer
    without closed tags keeps its whole text, with reasoning null. A question without an answer, or with an empty one,
    is dropped as `no_imported_answer`. Tokens are null: nobody counted them.

    Bespoke-Stratos-17k keeps the traces of STILL-2 for about 1k science and puzzle questions, OpenThoughts2 the
    verified traces of OpenR1-Math-Raw (open-thoughts repository, HERO1/hero.py).

    Columns in: question_id, extra. Columns out: those and sample (0), model (`imported` where unknown), reasoning,
    answer, finish_reason (`stop`), prompt_tokens, completion_tokens, response_id.
    """
    text = pl.col(_IMPORTED)
    reasoning = pl.coalesce(
        pl.col("extra").str.json_path_match("$.imported.reasoning"),
        text.str.extract(_THINK, 1),
        text.str.extract(_THOUGHT, 1),
    )
    rest = pl.coalesce(text.str.extract(_THINK, 2), text.str.extract(_THOUGHT, 2), text)
    answer = pl.coalesce(rest.str.extract(_SOLUTION, 1), rest)
    rows = questions.with_columns(pl.col("extra").str.json_path_match("$.imported.answer").alias(_IMPORTED))
    rows = rows.with_columns(
        pl.lit(0, pl.Int64).alias("sample"),
        pl.col("extra").str.json_path_match("$.imported.model").fill_null("imported").alias("model"),
        reasoning.str.strip_chars().alias("reasoning"),
        answer.str.strip_chars().alias("answer"),
        pl.lit(FinishReason.STOP.value).alias("finish_reason"),
        pl.lit(None, pl.Int64).alias("prompt_tokens"),
        pl.lit(None, pl.Int64).alias("completion_tokens"),
        pl.format("imported-{}", "question_id").alias("response_id"),
    )
    return split(
        rows,
        text.str.strip_chars() != "",
        reason="no_imported_answer",
        evidence=pl.struct(pl.lit("extra.imported.answer is missing or empty").alias("rule")),
        scratch=(_IMPORTED,),
    )
