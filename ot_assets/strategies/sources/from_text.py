"""Questions about texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import polars as pl
from pydantic import BaseModel, Field

from ot_assets.contracts import Rows
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.sources.writing import Ask, Made, Refused, Row, drawn, need_source, write
from ot_assets.strategies.tasks import FROM_TEXT, instruct
from ot_resources.interfaces import Generator

_INSTRUCTIONS = """
The user gives you a text. Write one problem of the kind that is set in a mathematical competition for able students,
built on an idea of the text. It must
- be understood without the text: never mention the text, its author or its figures;
- have exactly one right answer, which can be checked without judgement: a number, an expression, a set or a short name;
- need several steps of reasoning, not a look at the text; be no proof, no essay and no question of opinion.
If the text has little mathematics in it, set a problem about whatever quantities or structure it has.

Reply with `question`, the whole problem, and `answer`: the steps in a few sentences, with the final result at the end
in \\boxed{}.
"""


class _Problem(BaseModel):
    question: str
    answer: str


@strategy(stage="sources", version=1)
def from_text(
    texts: pl.LazyFrame,
    *,
    judge: Generator,
    source: str,
    per_text: Annotated[int, Field(ge=1)] = 1,
    limit: Rows | None = None,
    domain: str | None = None,
    temperature: float = 1.0,
    max_tokens: int = 2048,
    seed: int = 42,
) -> Iterator[Split]:
    """Have a model write `per_text` problems of competition kind with checkable answers from every text.

    The text is the column `question`. With `limit` only that many texts are asked about, the first by sha256(seed,
    question_id); the others are dropped as `not_drawn`. A text of which nothing came is dropped as `empty_text`,
    `no_question` (the reply has no question or no answer) or `judge_failed`, with the reason of its first request.
    texts = those with questions + dropped. The answer becomes the reference; nobody has checked it.

    OpenThoughts2 has gpt-4o-mini turn texts of AutoMathText into questions of USAMO or Putnam kind with an answer that
    can be verified, 15,000 of them. As 5,000 samples for a 7B student they are third of the seeds for mathematics, with
    24.7 on average (MathInstruct 25.1, MATH-plus 24.9). The prompt here is our own.

    Columns in: question, question_id; source and domain where there are any. Columns out: exactly those of a question;
    `extra` tells parent, parent_source and written_by.
    """
    need_source(source, "sources.from_text")
    asked, left = drawn(texts, limit, seed)
    yield left

    def plan(row: Row) -> list[Ask | Made | Refused]:
        text = (row["question"] or "").strip()
        if not text:
            return [Refused("empty_text", {"column": "question"})]
        return [
            Ask(instruct(FROM_TEXT, _INSTRUCTIONS + _which(number, per_text), text), _Problem, _read)
            for number in range(per_text)
        ]

    yield from write(asked, judge, plan, source=source, domain=domain, temperature=temperature, max_tokens=max_tokens)


def _which(number: int, of: int) -> str:
    """What makes the requests about one text different from each other."""
    if of == 1:
        return ""
    return f"\nThis is problem {number + 1} of {of} about this text; build it on another idea than the others.\n"


def _read(problem: _Problem) -> Made | Refused:
    question, answer = problem.question.strip(), problem.answer.strip()
    if not question or not answer:
        return Refused("no_question", {"question": question, "answer": answer})
    return Made(question, answer)
