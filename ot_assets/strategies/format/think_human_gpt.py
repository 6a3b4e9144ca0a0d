"""`<think>` tags, human and gpt: the format of OpenThoughts3."""

from __future__ import annotations

import polars as pl

from ot_assets.strategies.format.turns import THINK, conversation, with_text_columns
from ot_assets.strategies.prompts import Prefix
from ot_assets.strategies.registry import Split, strategy


@strategy(
    stage="format",
    version=2,
    needs=("question", "answer"),
    publishes=("difficulty", "source", "domain", "conversations"),
)
def think_human_gpt(
    answers: pl.LazyFrame,
    *,
    require_reasoning: bool = True,
    prefix: Prefix | None = None,
    keep_truncated: bool = False,
) -> Split:
    """Two turns, human and gpt; the reply is `<think>`, the reasoning, `</think>`, an empty line, the answer.

    No system prompt. With `require_reasoning` false, an answer without reasoning is formatted as the answer alone.
    `prefix` is put around the question (`prompts.py`). OpenThoughts3-1.2M publishes difficulty (Int64, null for about
    79% of the rows), source, domain, conversations (its card). It shipped replies without `</think>`: here those are
    dropped, unless `keep_truncated`. `difficulty` is the column that `filter.difficulty` makes, where there is one and
    it is not null, else `extra.difficulty` where that is an integer.

    Columns in: question_id, sample, question, answer; reasoning, finish_reason, source, domain, extra where there
    are. Columns out: those and row_id, conversations, difficulty; truncated with `keep_truncated`. Dropped:
    `truncated`, `no_reasoning`, `no_answer`, `unbalanced_tags` (`turns.py`).
    """
    halves = conversation(
        with_text_columns(answers, "source", "domain"),
        marks=THINK,
        roles=("human", "gpt"),
        require_reasoning=require_reasoning,
        prefix=prefix,
        keep_truncated=keep_truncated,
    )
    return Split(halves.kept.with_columns(_difficulty(answers.collect_schema())), halves.dropped)


def _difficulty(schema: pl.Schema) -> pl.Expr:
    """The column `difficulty` where it holds whole numbers, else `extra.difficulty` where that is one."""
    column = pl.col("difficulty") if schema.get("difficulty", pl.Null()).is_integer() else pl.lit(None)
    told = pl.col("extra").str.json_path_match("$.difficulty") if "extra" in schema else pl.lit(None, pl.String)
    whole = pl.when(told.str.contains(r"^-?\d{1,18}$")).then(told)
    return pl.coalesce(column.cast(pl.Int64), whole.cast(pl.Int64)).alias("difficulty")
