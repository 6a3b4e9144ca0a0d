"""`<think>` tags, user and assistant: the format of OpenThoughts2."""

from __future__ import annotations

import polars as pl

from ot_assets.strategies.format.think_tags import think_conversation, with_text_columns
from ot_assets.strategies.registry import Split, strategy


@strategy(
    stage="format",
    version=1,
    needs=("question", "answer"),
    publishes=("conversations", "question", "source", "id"),
)
def think(answers: pl.LazyFrame, *, require_reasoning: bool = True) -> Split:
    """Two turns, user and assistant; the reply is `<think>`, the reasoning, `</think>`, an empty line, the answer.

    No system prompt. With `require_reasoning` false, an answer without reasoning is formatted as the answer alone.
    OpenThoughts2-1M publishes conversations, question, source and id; `id` is our `row_id`.

    Columns in: question_id, sample, question, answer; reasoning, finish_reason, source where there are. Columns out:
    those and row_id, conversations, id. Dropped: `truncated`, `no_reasoning`, `no_answer`, `unbalanced_tags`.
    """
    halves = think_conversation(
        with_text_columns(answers, "source"), roles=("user", "assistant"), require_reasoning=require_reasoning
    )
    return Split(halves.kept.with_columns(pl.col("row_id").alias("id")), halves.dropped)
