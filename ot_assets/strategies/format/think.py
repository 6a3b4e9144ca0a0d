"""`<think>` tags, user and assistant: the format of OpenThoughts2."""

from __future__ import annotations

import polars as pl

from ot_assets.strategies.format.turns import THINK, conversation, with_text_columns
from ot_assets.strategies.prompts import Prefix
from ot_assets.strategies.registry import Split, strategy


@strategy(
    stage="format",
    version=2,
    needs=("question", "answer"),
    publishes=("conversations", "question", "source", "id"),
)
def think(
    answers: pl.LazyFrame,
    *,
    require_reasoning: bool = True,
    prefix: Prefix | None = None,
    keep_truncated: bool = False,
) -> Split:
    """Two turns, user and assistant; the reply is `<think>`, the reasoning, `</think>`, an empty line, the answer.

    No system prompt. With `require_reasoning` false, an answer without reasoning is formatted as the answer alone.
    `prefix` is put around the question (`prompts.py`). OpenThoughts2-1M publishes conversations, question, source and
    id; `id` is our `row_id`.

    Columns in: question_id, sample, question, answer; reasoning, finish_reason, source where there are. Columns out:
    those and row_id, conversations, id; truncated with `keep_truncated`. Dropped: `truncated`, `no_reasoning`,
    `no_answer`, `unbalanced_tags` (`turns.py`).
    """
    halves = conversation(
        with_text_columns(answers, "source"),
        marks=THINK,
        roles=("user", "assistant"),
        require_reasoning=require_reasoning,
        prefix=prefix,
        keep_truncated=keep_truncated,
    )
    return Split(halves.kept.with_columns(pl.col("row_id").alias("id")), halves.dropped)
