"""One conversation of two turns, with the reasoning between `<think>` tags."""

from __future__ import annotations

import polars as pl

from ot_assets.strategies.dropping import split
from ot_assets.strategies.registry import Split

_TAG = r"</?think>"
_REASON = "__reason"


def think_conversation(answers: pl.LazyFrame, *, roles: tuple[str, str], require_reasoning: bool) -> Split:
    """Add `row_id` and `conversations`; drop what would teach a model to think without end.

    Columns in: question_id, sample, question, answer; reasoning and finish_reason where there are.
    Dropped: `truncated` (the answer hit its token limit), `no_reasoning` (with `require_reasoning`; imported answers
    are formatted as they came), `no_answer` (nothing after the reasoning), `unbalanced_tags` (a think tag inside the
    reasoning or the answer).
    """
    reason = _gate(answers.collect_schema(), require_reasoning)
    told = [c for c in ("finish_reason", "completion_tokens", "sample") if c in answers.collect_schema()]
    user, assistant = roles
    turns = pl.concat_list(_turn(user, pl.col("question")), _turn(assistant, _reply(answers.collect_schema())))
    gated = answers.with_columns(reason.alias(_REASON))
    halves = split(
        gated,
        pl.col(_REASON).is_null(),
        reason=pl.col(_REASON),
        evidence=pl.struct(pl.col(_REASON).alias("rule"), *told),
        scratch=(_REASON,),
    )
    kept = halves.kept.with_columns(
        pl.format("{}-{}", "question_id", "sample").alias("row_id"), turns.alias("conversations")
    )
    return Split(kept, halves.dropped)


def with_text_columns(rows: pl.LazyFrame, *names: str) -> pl.LazyFrame:
    """`rows` with a null String column for each of `names` that is not there."""
    schema = rows.collect_schema()
    return rows.with_columns(pl.lit(None, pl.String).alias(name) for name in names if name not in schema)


def _reasoning(schema: pl.Schema) -> pl.Expr:
    return pl.col("reasoning") if "reasoning" in schema else pl.lit(None, pl.String)


def _imported(schema: pl.Schema) -> pl.Expr:
    """Whether the answer came with its source; whoever imports answers chose them as they are."""
    if "response_id" not in schema:
        return pl.lit(False)
    return pl.col("response_id").str.starts_with("imported-").fill_null(False)


def _gate(schema: pl.Schema, require_reasoning: bool) -> pl.Expr:
    """The first rule that a row breaks, null for none."""
    reasoning, answer = _reasoning(schema), pl.col("answer")
    finished = pl.col("finish_reason") if "finish_reason" in schema else pl.lit("stop")
    tagged = reasoning.str.contains(_TAG).fill_null(False) | answer.str.contains(_TAG)
    return (
        pl.when(finished == "length")
        .then(pl.lit("truncated"))
        .when(reasoning.is_null() & require_reasoning & ~_imported(schema))
        .then(pl.lit("no_reasoning"))
        .when(answer.fill_null("").str.strip_chars() == "")
        .then(pl.lit("no_answer"))
        .when(tagged)
        .then(pl.lit("unbalanced_tags"))
    )


def _reply(schema: pl.Schema) -> pl.Expr:
    reasoning, answer = _reasoning(schema).str.strip_chars(), pl.col("answer").str.strip_chars()
    return (
        pl.when(reasoning.is_null()).then(answer).otherwise(pl.format("<think>\n{}\n</think>\n\n{}", reasoning, answer))
    )


def _turn(role: str, value: pl.Expr) -> pl.Expr:
    return pl.struct(pl.lit(role).alias("from"), value.alias("value"))
