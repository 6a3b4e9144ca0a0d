"""Ask a model whether a question is worth training on."""

from __future__ import annotations

from typing import Literal

import polars as pl

from ot_assets.contracts import Rows
from ot_assets.strategies.filter.rating import REASON, rate
from ot_assets.strategies.filter.scoring import check_keep, keep_best
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.tasks import ASK_LLM
from ot_resources.interfaces import Generator

BEST = 100

GOOD = (
    "In the triangle ABC with AB = 13, BC = 14, CA = 15 the incircle touches BC at D. A circle through B and C touches"
    " the incircle at T. Prove that TD bisects the angle BTC, and find BT : CT.",
    "A uniform rod of length L stands upright on a smooth floor and is nudged. Find the force of the floor on it at the"
    " moment when it makes the angle t with the vertical.",
    "Towns are joined by n roads, each with a toll. Choose the smallest number of towns for toll booths such that every"
    " road has a booth at one of its ends. Explain why no fast algorithm is known, and write one that is exact for"
    " n up to 40.",
    "Find all pairs of primes p, q for which p^2 + q^2 + 7pq is the square of a whole number.",
    "A solution holds iron(II) and iron(III). Design a titration that tells both concentrations, give the potentials on"
    " either side of the equivalence point, and estimate the error that air makes in ten minutes.",
)
POOR = (
    "Solve 2x + 3 = 11.",
    "Simplify 4a + 7a - 2a.",
    "How do I open a text file in Python and print its lines?",
    "Is sodium hydroxide an acid or a base?",
    "What is 15% of 80?",
)


def _listed(questions: tuple[str, ...]) -> str:
    return "\n".join(f"- {question}" for question in questions)


INSTRUCTIONS = f"""
A language model shall learn to reason at length from worked answers to questions. Judge whether one question is worth
including: does answering it take several steps of thought, is it clear and complete, can its answer be checked?
Routine, recall and small talk teach little.

Questions that help much:
{_listed(GOOD)}

Questions that help little:
{_listed(POOR)}

Give a reason in one or two sentences, then a rating: a whole number from 1 (like the second list, or worse) to 100
(like the first list, or better). Do not answer the question.
"""


@strategy(stage="filter", version=1)
def ask_llm(
    questions: pl.LazyFrame,
    *,
    judge: Generator,
    keep: Rows | dict[str, Rows] | None = None,
    at_least: float | None = None,
    per_source: bool = False,
    seed: int = 42,
    max_tokens: int = 256,
    temperature: float = 1.0,
    compat: Literal["input_order"] | None = None,
) -> Split:
    """Keep the questions that a judge finds most worth training on: `keep` of them, those of `at_least`, or both.

    The judge reads five good and five poor questions, the same for every domain, then the question, and gives a reason
    and a whole number from 1 to 100 (the published filter lets it be any number in that range). `keep` counts all rows,
    those of each source (`per_source`), or is {source: how many}. Equal ratings are ordered by sha256(seed,
    question_id). Dropped as `low_rating` (evidence: score, rank, cutoff, the judge's reason and model), as
    `judge_failed` what the judge could not rate (evidence: error), as `no_quota` a source that `keep` lacks.

    OpenThoughts3 (paper, table 4), with GPT-4o-mini at temperature 1.0: 36.3 on average for math, where response length
    came to 41.9; 41.6 for code, where difficulty came to 43.0. The idea: Sachdeva et al. 2024, arXiv 2402.09668. The
    published filter sorts and cuts, so that of equal ratings the earlier row stays: `compat="input_order"` does so too.

    Columns in: question, question_id; source for a cut by source. Columns out: the same and `ask_llm` (Int64).
    BadInput: neither `keep` nor `at_least`.
    """
    where = "filter.ask_llm"
    check_keep(questions, keep=keep, at_least=at_least, per_source=per_source, where=where)
    scores = rate(
        questions,
        judge,
        task=ASK_LLM,
        instructions=INSTRUCTIONS,
        highest=BEST,
        score="ask_llm",
        temperature=temperature,
        max_tokens=max_tokens,
    )
    return keep_best(
        questions,
        scores,
        score="ask_llm",
        keep=keep,
        at_least=at_least,
        per_source=per_source,
        seed=seed,
        low="low_rating",
        evidence={"reason": pl.col(REASON), "model": judge.model},
        compat=compat,
        where=where,
    )
