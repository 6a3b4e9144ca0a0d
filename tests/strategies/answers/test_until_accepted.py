from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ot_assets.strategies import apply
from ot_assets.strategies.answers import rounds, until_accepted
from ot_resources.interfaces import BadInput, Execution, ExecutionStatus, FinishReason
from ot_resources.sandboxes import open_sandbox

from ..fakes import FakeGenerator, failure, reply
from ..frames import collected, evidence, questions

RIGHT, WRONG, BLANK = reply(r"so \boxed{A}"), reply(r"so \boxed{B}"), reply("who knows")
FAILED = failure("busy")
HELD_BACK = replace(FAILED, finish_reason=FinishReason.CONTENT_FILTER)
PENDING = replace(FAILED, finish_reason=FinishReason.PENDING, error="not asked: the budget is spent")
LETTERS = {"r": RIGHT, "w": WRONG, "b": BLANK, "f": FAILED, "h": HELD_BACK, "p": PENDING}


class NoSandbox:
    name = "none"

    def run(self, jobs):
        raise AssertionError("letters need no sandbox")


def spelled(request):
    """The question spells what its answers are like: `wwr` is wrong, wrong, right, and right from then on."""
    told = request.messages[-1].content
    return LETTERS[told[min(request.sample, len(told) - 1)]]


def letters(*texts: str, **columns) -> pl.DataFrame:
    return questions(*texts, **{"reference": ["A"] * len(texts)} | columns)


def answers(frame: pl.DataFrame, teacher=None, **params) -> tuple[pl.DataFrame, pl.DataFrame]:
    chosen = {"sandbox": NoSandbox(), "verify": "multiple_choice"} | params
    return collected(apply("answers.until_accepted", frame, generator=teacher or FakeGenerator(spelled), **chosen))


def samples(*tables: pl.DataFrame) -> list[tuple[str, int]]:
    """(question, answers asked) in the order of the rows."""
    rows = pl.concat([table.select("question", "sample") for table in tables])
    return rows.group_by("question", maintain_order=True).len().rows()


def test_a_question_gets_the_answers_up_to_the_last_that_it_needs():
    kept, dropped = answers(letters("r", "wwr", "wrwwr", "w"), accepted=2, most=6)
    assert samples(kept) == [("r", 2), ("wwr", 4), ("wrwwr", 5), ("w", 6)]
    assert kept["sample"].to_list() == [0, 1, *range(4), *range(5), *range(6)]
    assert kept["answer"].to_list()[:3] == [r"so \boxed{A}"] * 2 + [r"so \boxed{B}"]
    assert dropped.is_empty()


def test_it_gives_up_where_none_is_right():
    kept, _ = answers(letters("w", "wwwr", "wrw"), accepted=2, most=8, give_up=3)
    assert samples(kept) == [("w", 3), ("wwwr", 3), ("wrw", 8)]


def test_the_first_are_asked_in_any_case():
    kept, _ = answers(letters("r", "wwwwr"), accepted=1, most=8, first=4)
    assert samples(kept) == [("r", 4), ("wwwwr", 5)]


def test_a_failed_request_is_an_answer_that_is_not_right():
    kept, dropped = answers(letters("fr", "wfhr"), accepted=2, most=8)
    assert samples(kept, dropped) == [("fr", 3), ("wfhr", 5)]
    assert dropped.select("question", "sample", "drop_reason").rows() == [
        ("fr", 0, "request_failed"),
        ("wfhr", 1, "request_failed"),
        ("wfhr", 2, "request_failed"),
    ]


def test_what_tells_nothing_is_not_asked_on():
    frame = letters("f", "r", "r", "r", reference=["A", "no letter", None, " "]).with_columns(
        question_id=pl.Series(["failing", "broken", "none", "blank"])
    )
    teacher = FakeGenerator(spelled)
    kept, dropped = answers(frame, teacher, accepted=1, most=8, first=2)
    assert kept.select("question_id", "sample").rows() == [("broken", 0), ("broken", 1)]
    assert dropped.select("question_id", "sample", "drop_reason").rows() == [
        ("none", None, "not_verifiable"),
        ("blank", None, "not_verifiable"),
        ("failing", 0, "request_failed"),
        ("failing", 1, "request_failed"),
    ]
    assert evidence(dropped)[0] == {"error": "no reference"}
    assert len(teacher.asked) == 4
    assert set(kept.columns) <= set(dropped.columns)


def test_a_spent_budget_ends_a_question():
    kept, dropped = answers(letters("wp", "w"), accepted=2, most=5)
    assert samples(kept) == [("wp", 1), ("w", 5)]
    assert dropped.select("question", "sample", "drop_reason").rows() == [("wp", 1, "request_pending")]


def test_the_requests_are_those_of_the_teacher():
    params = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 64, "system": "Be brief."}
    frame, ours, theirs = letters("wwr", "r", "w"), FakeGenerator(spelled), FakeGenerator(spelled)
    answers(frame, ours, accepted=1, most=4, **params)
    collected(apply("answers.teacher", frame, generator=theirs, samples=4, **params))
    assert len(ours.asked) == len(set(ours.asked)) == 3 + 1 + 4
    assert set(ours.asked) < set(theirs.asked)


@st.composite
def rules(draw):
    most = draw(st.integers(1, 7))
    give_up = draw(st.none() | st.integers(1, most))
    first = draw(st.none() | st.integers(1, give_up or most))
    return {"accepted": draw(st.integers(1, most)), "most": most, "give_up": give_up, "first": first}


def needed(question: str, accepted: int, most: int, give_up: int | None, first: int | None) -> int:
    """How many answers a question gets, one at a time."""
    said = [question[min(sample, len(question) - 1)] for sample in range(most)]
    asked = first or min(accepted, give_up or most)
    if set(said[:asked]) <= {"f"}:
        return asked
    while said[:asked].count("r") < accepted and asked < (most if "r" in said[:asked] else give_up or most):
        asked += 1
    return asked


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.text("rwbfh", min_size=1, max_size=7), max_size=12),
    rule=rules(),
    window=st.integers(1, 9),
    patience=st.integers(1, 9),
    room=st.sampled_from([(1, 10**6), (3, 10**6), (1000, 1), (1000, 10**6)]),
)
def test_it_is_the_teachers_table_without_what_is_not_needed(texts, rule, window, patience, room):
    frame = letters(*texts)
    whole = collected(apply("answers.teacher", frame, generator=FakeGenerator(spelled), samples=rule["most"]))
    teacher = FakeGenerator(spelled, window=window, patience=patience)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rounds, "OPEN_QUESTIONS", room[0])
        patch.setattr(rounds, "HELD_CHARACTERS", room[1])
        ours = answers(frame, teacher, **rule)
    counts = pl.DataFrame(
        {"question_id": frame["question_id"], "n": [needed(text, **rule) for text in texts]},
        schema={"question_id": pl.String, "n": pl.Int64},
    )
    for all_rows, rows in zip(whole, ours, strict=True):
        expected = all_rows.join(counts, on="question_id", maintain_order="left").filter(pl.col("sample") < pl.col("n"))
        assert_frame_equal(rows, expected.drop("n"))
    assert len(teacher.asked) == counts["n"].sum()


def test_no_timing_changes_the_table():
    texts = ["".join(Random(n).choices("rwbf", (1, 4, 1, 1), k=8)) for n in range(200)]
    tables = []
    for seed in range(4):
        chance = Random(seed)

        def slowly(request, chance=chance):
            if chance.random() < 0.05:
                time.sleep(0.002)
            return spelled(request)

        teacher = FakeGenerator(slowly, window=chance.randint(1, 300), patience=chance.randint(1, 50))
        tables.append(answers(letters(*texts), teacher, accepted=2, most=8, give_up=6))
    for kept, dropped in tables[1:]:
        assert_frame_equal(kept, tables[0][0])
        assert_frame_equal(dropped, tables[0][1])


def test_programs_and_expressions_are_judged_as_by_their_verifier():
    def write(request):
        return reply(f"```python\nprint(int(input()) {'-+'[request.sample == 2]} 1)\n```")

    tests = json.dumps({"kind": "stdin", "inputs": ["1\n"], "outputs": ["2\n"]})
    with open_sandbox("process") as sandbox:
        frame = questions("add one", "no tests", tests=[tests, None])
        kept, dropped = answers(frame, FakeGenerator(write), sandbox=sandbox, verify="code")
    assert samples(kept) == [("add one", 3)]
    assert evidence(dropped) == [{"error": "no tests"}]

    said = [r"\boxed{x^2-1}", r"\boxed{(x+1)^2}"]
    frame = letters("expand", "again", reference=["x^2+2x+1"] * 2)
    kept, _ = answers(frame, FakeGenerator(lambda request: reply(said[request.sample])), verify="math")
    assert samples(kept) == [("expand", 2), ("again", 2)]


class CountingGenerator(FakeGenerator):
    """Reads as far ahead as it may, and remembers how many requests it had at most."""

    most = 0

    def _finish(self, flight, responses):
        self.most = max(self.most, len(flight))
        yield from super()._finish(flight, responses)


def test_answers_come_as_they_are_made_and_few_questions_are_open():
    teacher = CountingGenerator(spelled, window=10**6)
    pieces = until_accepted.until_accepted(
        letters(*["wr", "w"] * 2000).lazy(), teacher=teacher, sandbox=NoSandbox(), verify="multiple_choice", most=4
    )
    assert next(pieces).kept.collect().is_empty()
    rows = len(next(pieces).kept.collect())
    assert 512 <= rows < 1024
    assert len(teacher.asked) < 6000
    assert rows + sum(len(piece.kept.collect()) for piece in pieces) == len(teacher.asked) == 2000 * 6
    assert teacher.most == rounds.OPEN_QUESTIONS


class SlowSandbox:
    """Says that each program printed 2, once it was let to."""

    name = "slow"

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.go = threading.Event()
        self.waited_in_vain = False

    def run(self, jobs):
        for job in jobs:
            self.waited_in_vain |= not self.go.wait(20)
            time.sleep(self.seconds)
            yield (Execution(ExecutionStatus.OK, "2\n", "", 0.0),) * len(job.stdins)


def programs(count: int) -> pl.DataFrame:
    tests = json.dumps({"kind": "stdin", "inputs": ["1\n"], "outputs": ["2\n"]})
    return questions(*map(str, range(count)), tests=[tests] * count)


def test_the_teacher_is_asked_on_while_answers_are_judged():
    sandbox = SlowSandbox()

    def write(request):
        if request.messages[-1].content == "50":
            sandbox.go.set()
        return reply("```python\nprint(2)\n```")

    kept, _ = answers(programs(100), FakeGenerator(write), sandbox=sandbox, verify="code")
    assert not sandbox.waited_in_vain
    assert kept["question"].to_list() == [str(n) for n in range(100)]


def test_who_stops_does_not_wait_for_all_verdicts():
    sandbox = SlowSandbox(seconds=0.2)
    sandbox.go.set()
    teacher = FakeGenerator(lambda request: reply("```python\nprint(2)\n```"), window=200)

    def stop(request):
        if request.messages[-1].content == "199":
            time.sleep(0.5)
            raise KeyboardInterrupt
        return teacher.answer(request)

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        answers(programs(200), FakeGenerator(stop, window=100), sandbox=sandbox, verify="code")
    assert time.monotonic() - start < 5
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("verdicts")]


def test_a_checker_that_breaks_ends_it():
    class Broken(SlowSandbox):
        def run(self, jobs):
            raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space left"):
        answers(programs(3), FakeGenerator(lambda request: reply("print(2)")), sandbox=Broken(), verify="code")


def test_a_teacher_that_stops_early_is_an_error():
    class Lazy(FakeGenerator):
        def generate(self, requests):
            yield next(iter(super().generate(requests)))

    with pytest.raises(RuntimeError, match="stopped with 7 requests unanswered"):
        answers(letters(*"rrrrrrrr"), Lazy(spelled))


def test_no_questions_ask_nothing():
    teacher = FakeGenerator(spelled)
    kept, dropped = answers(letters(), teacher)
    assert kept.is_empty()
    assert dropped.is_empty()
    assert {"answer", "sample", "response_id"} <= set(kept.columns)
    assert teacher.asked == []


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"accepted": 5, "most": 4}, r"'accepted' \(5\) is above 'most' \(4\)"),
        ({"give_up": 17}, r"'give_up' \(17\) is above 'most' \(16\)"),
        ({"first": 17}, r"'first' \(17\) is above 'most'"),
        ({"first": 4, "give_up": 2}, r"'first' \(4\) is above 'give_up' \(2\)"),
        ({"accepted": 0}, "'accepted': input should be greater than or equal to 1"),
        ({"verify": "code"}, "verify: code needs the column 'tests'"),
        ({"verify": "judge"}, "'verify': input should be 'math', 'code' or 'multiple_choice'"),
    ],
)
def test_it_says_what_does_not_fit_before_anybody_is_asked(params, message):
    teacher = FakeGenerator(spelled)
    with pytest.raises(BadInput, match=message) as raised:
        answers(letters("r"), teacher, **params)
    assert "answers.until_accepted" in str(raised.value)
    assert teacher.asked == []
