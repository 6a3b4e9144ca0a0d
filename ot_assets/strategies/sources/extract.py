"""The questions that stand in texts, with their answers: pages of exercises, exams, textbooks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import polars as pl
from pydantic import BaseModel

from ot_assets.contracts import Rows
from ot_assets.strategies.asking import Reason, ask_each, finish
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.sources.writing import Made, Refused, as_split, drawn, need_source, read
from ot_assets.strategies.tasks import ANSWERABLE, EXTRACT, SELF_CONTAINED, TOPIC, instruct, labelled
from ot_resources.interfaces import Generator, Message

# So many texts go through all steps before the next ones do.
BLOCK_ROWS = 2048

_FIND = """
The user gives you a text, often a page of a book, an exam or lecture notes. If a question that has a definite answer
stands in it together with that answer, take out both: the most demanding one where there are several. Take
`question` word for word, with its choices if it has any, and `answer` with its working as far as it is given. Do not
answer anything yourself and do not invent anything. Set `found` to true.

If there is no such question, or its answer is not in the text, set `found` to false and leave the other two empty.
"""
_COMPLETE = """
The user gives you a question and the text that it was found in. Write the question so that it can be understood and
answered without the text: put in what it refers to (data, definitions, the compound, the earlier part), and leave out
numbers of exercises, points and references to pages. Change nothing else, do not answer it and do not hint at an
answer.

Reply with `question`, the whole question.
"""
_ANSWERABLE = """
The user gives you a question. Decide two things: whether it can be answered as it stands (nothing that it refers to is
missing, no figure is needed that is not there, and there is one right answer), and whether it is difficult: an able
student has to think, and it is not answered by looking up a word.

Reply with `reason`, one or two sentences, and `answer`: true if both hold, else false.
"""
_ABOUT = """
The user gives you a topic and a question. Decide whether somebody needs to know the topic to answer the question. Its
being in a neighbouring field is not enough.

Reply with `reason`, one sentence, and `answer`: true or false.
"""
# What stands in the place of an answer that is not there; published: "NO ANSWER DETECTED", or a mark of free response.
# "None" and "Na" may be answers.
_NO_ANSWER = re.compile(
    r"\W*((no|not an?) (answer|solution)s?( (was|is|were|are|has been))?"
    r"( (detected|found|given|provided|available|present|included|stated))?"
    r"( (in|on) (the|this) (text|page|document))?|answers? not (detected|found|given|provided|available)"
    r"|n/a|unknown|free[- ]response( question)?)\W*",
    re.IGNORECASE,
)


class _Found(BaseModel):
    found: bool
    question: str
    answer: str


class _Complete(BaseModel):
    question: str


class _YesNo(BaseModel):
    reason: Reason
    answer: bool


@strategy(stage="sources", version=1)
def extract(
    texts: pl.LazyFrame,
    *,
    judge: Generator,
    source: str,
    topic: str | None = None,
    limit: Rows | None = None,
    domain: str | None = None,
    temperature: float = 0.0,
    max_tokens: int = 2048,
    seed: int = 42,
) -> Iterator[Split]:
    """Take one question and its answer out of every text that holds one, by three requests, or four with `topic`.

    The text is the column `question`, a page say. The model (1) finds a question and its answer, (2) makes the
    question self-contained, (3) says whether it is answerable and difficult, (4) says whether it is about `topic`.
    A text is dropped where it fails first: `empty_text`, `no_question_found`, `no_answer_found` ("no answer detected"
    in its place), `not_answerable`, `off_topic`, `judge_failed`; `drop_evidence` names the step and what was found by
    then. With `limit` only that many are read, the first by sha256(seed, question_id); the others are `not_drawn`.

    OpenThoughts3 made its organic chemistry so, of the pages of about 100 PDFs, with gpt-4o-mini: 46,200 questions with
    SCP-116K, to which the fourth question was put as well; 17,760 rows of the release come from PDFs. Second best of
    14 sources of science: 34.0 on average, 45.3 on science (paper, table 2). It dropped "NO ANSWER DETECTED". The
    prompts here are our own.

    Texts go through the steps in blocks of 2,048, and only a block is held. Columns in: question, question_id; source
    and domain where there are any. Columns out: exactly those of a question; the reference is the answer found, `extra`
    tells parent, parent_source, written_by and as_found, the question as it stood.
    """
    need_source(source, "sources.extract")
    asked, left = drawn(texts, limit, seed)
    yield left
    for batch in asked.collect_batches(chunk_size=BLOCK_ROWS, maintain_order=True, lazy=True):
        block = _Block(judge, [(text or "").strip() for text in batch["question"]], temperature, max_tokens)
        block.find()
        block.complete()
        block.gate(ANSWERABLE, _ANSWERABLE, "not_answerable", lambda question: question)
        if topic is not None:
            block.gate(TOPIC, _ABOUT, "off_topic", lambda question: labelled(topic=topic, question=question))
        yield as_split(batch, [[result] for result in block.results], judge, source=source, domain=domain)


class _Block:
    """Texts on their way: `results` holds what each has come to; those that are refused are not asked again."""

    def __init__(self, judge: Generator, texts: list[str], temperature: float, max_tokens: int) -> None:
        self.results: list[Made | Refused] = [
            Made(text) if text else Refused("empty_text", {"column": "question"}) for text in texts
        ]
        self._judge = judge
        self._texts = texts
        self._temperature = temperature
        self._max_tokens = max_tokens

    def find(self) -> None:
        def found(before: Made, reply: _Found) -> Made | Refused:
            question, answer = reply.question.strip(), reply.answer.strip()
            told = {"question": question, "answer": answer}
            if not reply.found or not question:
                return Refused("no_question_found", told)
            if not answer or _NO_ANSWER.fullmatch(answer):
                return Refused("no_answer_found", told)
            return Made(question, answer, told={"as_found": question})

        self._ask(EXTRACT, _Found, lambda place, before: instruct(EXTRACT, _FIND, before.question), found)

    def complete(self) -> None:
        def messages(place: int, before: Made) -> tuple[Message, ...]:
            return instruct(SELF_CONTAINED, _COMPLETE, labelled(question=before.question, context=self._texts[place]))

        def completed(before: Made, reply: _Complete) -> Made | Refused:
            question = reply.question.strip()
            if not question:
                return Refused("no_question_found", {"question": before.question})
            return before._replace(question=question)

        self._ask(SELF_CONTAINED, _Complete, messages, completed)

    def gate(self, task: str, instructions: str, reason: str, data: Callable[[str], str]) -> None:
        def judged(before: Made, reply: _YesNo) -> Made | Refused:
            told = {"question": before.question, "judge_reason": reply.reason, "model": self._judge.model}
            return before if reply.answer else Refused(reason, told)

        self._ask(task, _YesNo, lambda place, before: instruct(task, instructions, data(before.question)), judged)

    def _ask(
        self,
        task: str,
        form: type[BaseModel],
        messages: Callable[[int, Made], tuple[Message, ...]],
        then: Callable[[Made, Any], Made | Refused],
    ) -> None:
        alive = [(place, result) for place, result in enumerate(self.results) if isinstance(result, Made)]
        asked = ((messages(place, before), form) for place, before in alive)
        replies = ask_each(self._judge, asked, temperature=self._temperature, max_tokens=self._max_tokens)
        for (place, before), reply in zip(alive, replies, strict=False):
            result = read(reply, partial(then, before), self._judge)
            self.results[place] = _at(task, result) if isinstance(result, Refused) else result
        finish(replies)


def _at(task: str, refused: Refused) -> Refused:
    return Refused(refused.reason, {"step": task} | refused.evidence)
