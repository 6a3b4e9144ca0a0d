"""A page goes through the steps until one refuses it, and is not asked about again."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from ot_assets.strategies import apply
from ot_assets.strategies.sources import extract as module
from ot_assets.strategies.tasks import ANSWERABLE, EXTRACT, SELF_CONTAINED, TOPIC
from ot_resources.interfaces import Request, Response
from tests.strategies.fakes import FakeGenerator, failure, says
from tests.strategies.frames import both, collected, evidence, questions


def task(request: Request) -> str:
    return request.messages[0].content.splitlines()[0]


def reader(request: Request) -> Response:
    """Finds what stands after `Q:` and `A:` in a page; a page says itself where it fails."""
    text, asked = request.messages[-1].content, task(request)
    if f"fails at {asked}" in text:
        return failure("busy")
    if asked == EXTRACT:
        question, _, answer = text.partition("Q: ")[2].partition(" A: ")
        return says(found=bool(question), question=question, answer=answer)
    if asked == SELF_CONTAINED:
        question, _, context = text.removeprefix("Question: ").partition("\n\nContext: ")
        return says(question="" if "vague" in question else f"{question} ({context.split()[0]})")
    if asked == ANSWERABLE:
        return says(reason="Seen.", answer="easy" not in text)
    assert asked == TOPIC
    topic, _, question = text.partition("\n\nQuestion: ")
    return says(reason="Seen.", answer=topic.removeprefix("Topic: ") in question)


def test_a_page_with_a_question_and_its_answer() -> None:
    judge = FakeGenerator(reader)
    pages = questions("Benzene. Q: Draw it. A: A ring.", source="book", domain=["science"])
    kept, dropped = both("sources.extract", pages, generator=judge, source="pdfs")
    assert dropped.is_empty()
    row = kept.row(0, named=True)
    assert (row["question"], row["reference"]) == ("Draw it. (Benzene.)", "A ring.")
    assert (row["source"], row["domain"]) == ("pdfs", "science")
    assert json.loads(row["extra"]) == {
        "parent": "q0",
        "parent_source": "book",
        "written_by": "fake@1",
        "as_found": "Draw it.",
    }
    assert [task(request) for request in judge.asked[:3]] == [EXTRACT, SELF_CONTAINED, ANSWERABLE]


def test_each_step_drops_with_its_own_reason_and_spares_the_next() -> None:
    pages = questions(
        "Page of nothing.",
        None,
        "Page. Q: Why? A: No answer detected.",
        "Page. Q: vague A: 1",
        "Page. Q: easy A: 1",
        "Page. Q: About sulphur? A: 1",
        "Page. Q: About benzene? A: 1",
        f"Page fails at {EXTRACT}",
        f"Page. Q: fails at {ANSWERABLE} A: 1",
        f"Page. Q: benzene fails at {TOPIC} A: 1",
    )
    judge = FakeGenerator(reader)
    kept, dropped = collected(apply("sources.extract", pages, generator=judge, source="x", topic="benzene"))
    assert kept["question"].to_list() == ["About benzene? (Page.)"]
    assert dropped.select("question_id", "drop_reason").rows() == [
        ("q0", "no_question_found"),
        ("q1", "empty_text"),
        ("q2", "no_answer_found"),
        ("q3", "no_question_found"),
        ("q4", "not_answerable"),
        ("q5", "off_topic"),
        ("q7", "judge_failed"),
        ("q8", "judge_failed"),
        ("q9", "judge_failed"),
    ]
    told = evidence(dropped)
    steps = [EXTRACT, None, EXTRACT, SELF_CONTAINED, ANSWERABLE, TOPIC, EXTRACT, ANSWERABLE, TOPIC]
    assert [one.get("step") for one in told] == steps
    assert told[5]["judge_reason"] == "Seen."
    assert Counter(map(task, judge.asked)) == {EXTRACT: 9, SELF_CONTAINED: 6, ANSWERABLE: 5, TOPIC: 3}


def test_without_a_topic_nobody_asks_for_it() -> None:
    judge = FakeGenerator(reader)
    kept, _ = both("sources.extract", questions("P. Q: a A: b"), generator=judge, source="x")
    assert len(kept) == 1
    assert TOPIC not in map(task, judge.asked)


def test_blocks_and_windows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = questions(*[f"P{n}. Q: {'easy' if n % 3 == 0 else n} A: {n}" if n % 4 else "none" for n in range(90)])
    whole = collected(apply("sources.extract", pages, generator=FakeGenerator(reader), source="x", limit=70))
    monkeypatch.setattr(module, "BLOCK_ROWS", 7)
    parts = collected(apply("sources.extract", pages, generator=FakeGenerator(reader, 3), source="x", limit=70))
    assert parts[0].equals(whole[0])
    assert parts[1].equals(whole[1])
    assert Counter(whole[1]["drop_reason"])["not_drawn"] == 20
    assert len(whole[0]) + len(whole[1]) == 90


@pytest.mark.parametrize(
    ("answer", "drops"),
    [
        ("NO ANSWER DETECTED", True),
        ("No solution provided.", True),
        ("[no answer given in the text]", True),
        ("Answer not available", True),
        ("N/A", True),
        ("Free response", True),
        ("", True),
        ("No, the answer is 4.", False),
        ("None of the primes divides it.", False),
        ("no", False),
        ("Na", False),
        ("None", False),
        ("42", False),
    ],
)
def test_what_stands_in_the_place_of_an_answer(answer: str, drops: bool) -> None:
    judge = FakeGenerator(reader)
    kept, dropped = both("sources.extract", questions(f"P. Q: Why? A: {answer}"), generator=judge, source="x")
    assert (len(dropped) == 1) is drops
    assert (len(kept) == 0) is drops
