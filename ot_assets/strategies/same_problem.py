"""Whether two questions are the same problem in other words, as a judge sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import BaseModel

from ot_assets.strategies.asking import Reason, Reply, ask_each
from ot_assets.strategies.tasks import SAME_PROBLEM, instruct, labelled
from ot_resources.interfaces import Generator, Message

# Two questions of more than a few pages are no case for a judge.
_MOST_CHARS = 40_000
_INSTRUCTIONS = """
You are given two questions. Decide whether they are the same problem: said in other words, in another notation, in
another language, or in another order, but with the same data and the same thing asked for, so that whoever has the
solution of one has that of the other. Questions of one kind with other numbers, other conditions or another thing asked
for are different problems. Compare what is given and what is asked first; do not solve them. Give a reason in one or
two sentences, then `same`: true or false.
"""


class Opinion(BaseModel):
    reason: Reason
    same: bool


def judge_pairs(
    judge: Generator, pairs: Iterable[tuple[str, str]], *, temperature: float, max_tokens: int
) -> Iterator[Reply[Opinion]]:
    """One opinion a pair of questions, in order, as one stream. Two that are too long together are not asked about."""

    def asked() -> Iterator[tuple[tuple[Message, ...] | str, type[Opinion]]]:
        for one, other in pairs:
            if (length := len(one) + len(other)) > _MOST_CHARS:
                yield f"the two questions have {length:,} characters, more than {_MOST_CHARS:,}", Opinion
            else:
                data = labelled(**{"first question": one.strip(), "second question": other.strip()})
                yield instruct(SAME_PROBLEM, _INSTRUCTIONS, data), Opinion

    return ask_each(judge, asked(), temperature=temperature, max_tokens=max_tokens)
