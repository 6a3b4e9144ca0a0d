"""Sky-T1's thought and solution marks under a system prompt: Bespoke-Stratos-17k and OpenThoughts-114k."""

from __future__ import annotations

import polars as pl

from ot_assets.strategies.format.turns import SKY_T1, conversation
from ot_assets.strategies.prompts import Prefix
from ot_assets.strategies.registry import Split, strategy

# Says what Sky-T1's long prompt asks for, in other words: explore first, then solve, each between its marks.
SYSTEM = (
    "You are an assistant that works a question out at length before it answers. Reply in two parts, a thought and "
    "a solution. In the thought, study the question with care: restate what is asked, break it into steps, try ideas "
    "and alternatives, gather what is relevant, check each result, notice mistakes and go back to correct them. Write "
    "it in this form, with the steps separated by empty lines: <|begin_of_thought|> the steps of your thinking "
    "<|end_of_thought|> In the solution, give what the thought has shown to be right: a complete and exact answer "
    "with the steps that are needed to follow it and nothing else, in this form: <|begin_of_solution|> the final, "
    "clear answer <|end_of_solution|> Now answer the following question by these rules."
)


@strategy(stage="format", version=1, needs=("question", "answer"), publishes=("system", "conversations"))
def sky_t1(
    answers: pl.LazyFrame,
    *,
    system: str = SYSTEM,
    require_reasoning: bool = True,
    prefix: Prefix | None = None,
    keep_truncated: bool = False,
) -> Split:
    """Two turns, user and assistant, and a system prompt in a column of its own.

    The reply is the reasoning between `<|begin_of_thought|>` and `<|end_of_thought|>`, then the answer between
    `<|begin_of_solution|>` and `<|end_of_solution|>`, with empty lines between all six. With `require_reasoning`
    false, an answer without reasoning is a solution alone. `prefix` is put around the question (`prompts.py`).

    Bespoke-Stratos-17k (16,710 rows) and OpenThoughts-114k (113,957) publish system and conversations
    (bespokelabsai/curator, examples/bespoke-stratos-data-generation/combine_data.py, whose validator stops at a
    missing mark). Both show mathematics with the sentence about the box: `prefix: boxed`. `system` is in our words.

    Columns in: question_id, sample, question, answer; reasoning, finish_reason, tests, extra where there are. Columns
    out: those and row_id, system, conversations; truncated with `keep_truncated`. Dropped: `truncated`,
    `no_reasoning`, `no_answer`, `unbalanced_tags` (`turns.py`).
    """
    halves = conversation(
        answers,
        marks=SKY_T1,
        roles=("user", "assistant"),
        require_reasoning=require_reasoning,
        prefix=prefix,
        keep_truncated=keep_truncated,
    )
    return Split(halves.kept.with_columns(pl.lit(system).alias("system")), halves.dropped)
