"""Harder questions, or others, made of questions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import polars as pl
from pydantic import BaseModel, Field

from ot_assets.contracts import Rows
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.sources.writing import (
    Ask,
    Made,
    Refused,
    Row,
    drawn,
    need_source,
    number_of,
    same,
    write,
)
from ot_assets.strategies.tasks import EVOLVE, instruct
from ot_resources.interfaces import Generator

Operation = Literal["deepen", "concretise", "constraint", "steps", "other_topic"]

_OPERATIONS: dict[Operation, str] = {
    "deepen": "Ask for more depth: what the question takes for granted, or touches in passing, has to be worked out.",
    "concretise": "Replace general notions by specific ones: named objects, exact figures, a definite situation.",
    "constraint": "Add one condition that the answer must meet and that changes how it is found.",
    "steps": "Change the question so that an answer which now takes one step takes several that build on each other.",
    "other_topic": (
        "Write a new question instead: of the same field, about as long and as hard, but about another, less common "
        "topic. It must not need the given one."
    ),
}
_INSTRUCTIONS = """
The user gives you a question. Make another one of it, in this way:
{operation}

The new question must make sense to somebody who has not seen the given one, be answerable, and stay in its language
and field. Do not make it longer than it has to be; a sentence or two more is enough. Tables, formulas, code and
examples that it still needs must be in it, as they were. Do not answer it.

Reply with `question`, the whole new question and nothing about it.
"""


class _Evolved(BaseModel):
    question: str


@strategy(stage="sources", version=1)
def evolve(
    questions: pl.LazyFrame,
    *,
    judge: Generator,
    source: str,
    operations: Annotated[tuple[Operation, ...], Field(min_length=1)] = tuple(_OPERATIONS),
    limit: Rows | None = None,
    domain: str | None = None,
    temperature: float = 1.0,
    max_tokens: int = 2048,
    seed: int = 42,
) -> Iterator[Split]:
    """Have a model make one new question of every question, by one of `operations`, drawn by the question's id.

    `deepen`, `concretise`, `constraint` and `steps` make it harder; `other_topic` makes a new one in its likeness. With
    `limit` only that many are asked, the first by sha256(seed, question_id); the others are dropped as `not_drawn`. Of
    the rest: `empty_question`, `no_question` (an empty reply), `unchanged` (but for white space and case),
    `judge_failed`. What was known about the old question does not hold for the new: it has no reference and no tests.

    Evol-Instruct (WizardLM, arXiv 2304.12244) has five ways to make an instruction harder (these four, and complicating
    its input) and one to make another; it draws one at random, four rounds from the 52,000 of Alpaca to 250,000. The
    prompts here are our own, and one round is one stage. OpenThoughts2 uses 30,000 questions evolved from code golf
    (evolcodegolf) as one of its six seeds for code.

    Columns in: question, question_id; source and domain where there are any. Columns out: exactly those of a question;
    `extra` tells parent, parent_source, written_by and operation.
    """
    need_source(source, "sources.evolve")
    asked, left = drawn(questions, limit, seed)
    yield left

    def plan(row: Row) -> list[Ask | Made | Refused]:
        question = (row["question"] or "").strip()
        if not question:
            return [Refused("empty_question", {"column": "question"})]
        operation = operations[number_of(row["question_id"], "evolve", seed) % len(operations)]

        def read(reply: _Evolved) -> Made | Refused:
            new, told = reply.question.strip(), {"operation": operation}
            if not new:
                return Refused("no_question", told)
            return Refused("unchanged", told) if same(new, question) else Made(new, told=told)

        instructions = _INSTRUCTIONS.format(operation=_OPERATIONS[operation])
        return [Ask(instruct(EVOLVE, instructions, question), _Evolved, read)]

    yield from write(asked, judge, plan, source=source, domain=domain, temperature=temperature, max_tokens=max_tokens)
