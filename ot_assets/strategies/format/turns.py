"""One conversation of two turns, with the reasoning and the answer in a release's marks, and the gate before it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ot_assets.strategies.dropping import split
from ot_assets.strategies.prompts import Prefix, user_message
from ot_assets.strategies.registry import Split
from ot_assets.strategies.trace_tags import ANY_TAG, CLOSED, OPENED, OPENING

_REASON = "__reason"
_CUT = "__cut"
TRUNCATED = "truncated"


@dataclass(frozen=True)
class Marks:
    """What stands before and after the reasoning, and before and after the answer, with the white space."""

    think: str
    thought: str
    solve: str = ""
    solved: str = ""


THINK = Marks("<think>\n", "\n</think>\n\n")
SKY_T1 = Marks(
    "<|begin_of_thought|>\n\n",
    "\n\n<|end_of_thought|>\n\n",
    "<|begin_of_solution|>\n\n",
    "\n\n<|end_of_solution|>",
)


def conversation(
    answers: pl.LazyFrame,
    *,
    marks: Marks,
    roles: tuple[str, str],
    require_reasoning: bool,
    prefix: Prefix | None,
    keep_truncated: bool,
) -> Split:
    """Add `row_id` and `conversations`; drop what would teach a model to think without end.

    Columns in: question_id, sample, question, answer; reasoning, finish_reason, response_id, and those of
    `prompts.user_message` where there are. Dropped, by the first of these rules that a row breaks: `truncated` (the
    answer hit its token limit, or opens a thought and closes none), `no_reasoning` (with `require_reasoning`; imported
    answers are formatted as they came), `no_answer` (nothing after the reasoning), `unbalanced_tags` (any mark of
    `trace_tags` inside the reasoning or the answer).

    With `keep_truncated`, truncated rows stay and the column `truncated` (Boolean) tells them; their thought or
    solution is left open where it was cut. Only the rule for stray marks holds for them.
    """
    schema = answers.collect_schema()
    told = [c for c in ("finish_reason", "completion_tokens", "sample") if c in schema]
    user, assistant = roles
    turns = pl.concat_list(
        _turn(user, user_message(schema, prefix)), _turn(assistant, _reply(schema, marks, keep_truncated))
    )
    gated = answers.with_columns(_truncated(schema).alias(_CUT))
    gated = gated.with_columns(_gate(schema, require_reasoning, keep_truncated).alias(_REASON))
    halves = split(
        gated,
        pl.col(_REASON).is_null(),
        reason=pl.col(_REASON),
        evidence=pl.struct(pl.col(_REASON).alias("rule"), *told),
        scratch=(_REASON,),
    )
    kept = halves.kept.with_columns(
        pl.format("{}-{}", "question_id", "sample").alias("row_id"),
        turns.alias("conversations"),
        *([pl.col(_CUT).alias(TRUNCATED)] if keep_truncated else []),
    )
    return Split(kept.drop(_CUT), halves.dropped.drop(_CUT))


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


def _truncated(schema: pl.Schema) -> pl.Expr:
    """Whether the answer was cut: by its finish reason, or as no thought is closed where one is opened."""
    finished = pl.col("finish_reason") if "finish_reason" in schema else pl.lit("stop")
    answer = pl.col("answer")
    opened = _reasoning(schema).is_null() & answer.str.contains(OPENED) & ~answer.str.contains(CLOSED)
    return ((finished == "length").fill_null(False) | opened).fill_null(False)


def _gate(schema: pl.Schema, require_reasoning: bool, keep_truncated: bool) -> pl.Expr:
    """The first rule that a row breaks, null for none. Columns in: those of the answer, and whether it was cut."""
    cut, reasoning, answer = pl.col(_CUT), _reasoning(schema), pl.col("answer")
    written = pl.when(cut & keep_truncated & reasoning.is_null()).then(_unopened(answer)).otherwise(answer)
    return (
        pl.when(cut & (not keep_truncated))
        .then(pl.lit("truncated"))
        .when(~cut & reasoning.is_null() & require_reasoning & ~_imported(schema))
        .then(pl.lit("no_reasoning"))
        .when((~cut | reasoning.is_null()) & (answer.fill_null("").str.strip_chars() == ""))
        .then(pl.lit("no_answer"))
        .when(
            pl.any_horizontal(
                t.str.contains(ANY_TAG).fill_null(False) for t in (pl.col("question"), reasoning, written)
            )
        )
        .then(pl.lit("unbalanced_tags"))
    )


def _unopened(answer: pl.Expr) -> pl.Expr:
    return answer.str.replace(OPENING, "")


def _reply(schema: pl.Schema, marks: Marks, keep_truncated: bool) -> pl.Expr:
    """What the assistant says. Columns in: those of the answer, and whether it was cut."""
    reasoning, answer = _reasoning(schema).str.strip_chars(), pl.col("answer").fill_null("").str.strip_chars()
    thought = pl.format("{}{}{}", pl.lit(marks.think), reasoning, pl.lit(marks.thought)).fill_null("")
    whole = pl.concat_str(thought, pl.lit(marks.solve), answer, pl.lit(marks.solved))
    if not keep_truncated:
        return whole
    # A text that was cut before any mark stays as it came: nobody knows whether it is thought or answer.
    thinking = pl.when(answer.str.contains(OPENING)).then(pl.lit(marks.think)).otherwise(pl.lit(""))
    return (
        pl.when(pl.col(_CUT) & reasoning.is_null())
        .then(pl.concat_str(thinking, _unopened(answer)))
        .when(pl.col(_CUT))
        .then(pl.concat_str(thought, pl.lit(marks.solve), answer))
        .otherwise(whole)
    )


def _turn(role: str, value: pl.Expr) -> pl.Expr:
    return pl.struct(pl.lit(role).alias("from"), value.alias("value"))
