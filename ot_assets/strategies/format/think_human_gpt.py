"""`<think>` tags, human and gpt: the format of OpenThoughts3."""

from __future__ import annotations

import polars as pl

from ot_assets.strategies.format.think_tags import think_conversation, with_text_columns
from ot_assets.strategies.registry import Split, strategy


@strategy(
    stage="format",
    version=1,
    needs=("question", "answer"),
    publishes=("difficulty", "source", "domain", "conversations"),
)
def think_human_gpt(answers: pl.LazyFrame, *, require_reasoning: bool = True) -> Split:
    """Two turns, human and gpt; the reply is `<think>`, the reasoning, `</think>`, an empty line, the answer.

    No system prompt. With `require_reasoning` false, an answer without reasoning is formatted as the answer alone.
    OpenThoughts3-1.2M publishes difficulty (Int64, null for about 79% of the rows), source, domain, conversations
    (its card). It shipped replies without `</think>`: here those are dropped. `difficulty` is taken from
    `extra.difficulty` where that is an integer.

    Columns in: question_id, sample, question, answer; reasoning, finish_reason, source, domain, extra where there
    are. Columns out: those and row_id, conversations, difficulty. Dropped: `truncated`, `no_reasoning`, `no_answer`,
    `unbalanced_tags`.
    """
    halves = think_conversation(
        with_text_columns(answers, "source", "domain"), roles=("human", "gpt"), require_reasoning=require_reasoning
    )
    return Split(halves.kept.with_columns(_difficulty(answers.collect_schema())), halves.dropped)


def _difficulty(schema: pl.Schema) -> pl.Expr:
    if "extra" not in schema:
        return pl.lit(None, pl.Int64).alias("difficulty")
    told = pl.col("extra").str.json_path_match("$.difficulty")
    whole = pl.when(told.str.contains(r"^-?\d{1,18}$")).then(told)
    return whole.cast(pl.Int64).alias("difficulty")
