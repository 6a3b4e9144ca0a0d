"""The cases that the embedded judge learns: what they call right is right, and their form is the strategies' own."""

import json
import re
from random import Random

import pytest

from data.generator import judge_tasks
from data.generator.check import same_answer
from data.generator.families import FAMILIES, draw
from data.generator.judge_tasks import DRAW, MIX, Case, training_cases, unseen_cases
from data.generator.problem import is_held_out
from ot_assets.strategies import tasks

TASKS = list(DRAW)


def cases(task: str, n: int = 300) -> list[Case]:
    rng = Random(f"cases {task}")
    return [DRAW[task](rng) for _ in range(n)]


def told_value(text: str) -> str | None:
    """What an answer or a reference comes to, read without knowledge of how it was made."""
    if "\\boxed{" in text:
        return text.rpartition("\\boxed{")[2].partition("}")[0]
    found = [word for word in ("It is ", "So we get ") if text.startswith(word)]
    if found:
        return text.removeprefix(found[0]).removesuffix(".")
    return text if len(text.split()) == 1 else None


def parts(data: str) -> dict[str, str]:
    """`Label: text` by label; the texts themselves may hold empty lines."""
    found: dict[str, str] = {}
    for block in data.split("\n\n"):
        label, colon, text = block.partition(": ")
        if colon and label in ("Question", "Reference", "Answer"):
            found[label] = text
        else:
            found[list(found)[-1]] += f"\n\n{block}"
    return found


def test_every_task_has_its_cases_and_its_share():
    assert set(MIX) == set(DRAW) == set(tasks.TASKS)
    assert sum(MIX.values()) == pytest.approx(1)
    assert {case.task for case in training_cases(Random(0), 600)} == set(MIX)


@pytest.mark.parametrize("task", TASKS)
def test_a_reply_is_of_the_form_that_the_strategy_asks_for(task):
    from bench.judge import form

    for case in cases(task):
        assert case.task == task
        assert form(case).model_validate_json(case.text, strict=True, extra="forbid").model_dump() == case.reply
        assert list(json.loads(case.text)) == list(form(case).model_fields)
        assert len(case.reply.get("reason", "")) <= judge_tasks.REASON_CHARS


def test_the_reason_is_no_longer_than_the_strategies_let_it_be():
    from ot_assets.strategies.asking import REASON_CHARS

    assert judge_tasks.REASON_CHARS == REASON_CHARS


@pytest.mark.parametrize("task", [tasks.SAME_ANSWER, tasks.IS_CORRECT])
def test_a_verdict_follows_from_the_answer_that_is_shown(task):
    verdicts = set()
    for case in cases(task, 600):
        shown = parts(case.data)
        value = told_value(shown["Answer"])
        if task == tasks.SAME_ANSWER:
            reference = told_value(shown["Reference"])
            assert reference is not None
            assert case.reply["correct"] == (value is not None and same_answer(value, reference)), case
            assert reference in case.reply["reason"]
        assert (value or "nothing") in case.reply["reason"]
        verdicts.add(case.reply["correct"])
    assert verdicts == {True, False}


def test_values_are_compared_digit_by_digit():
    assert judge_tasks.compared("17", "17") == "1 1 same, 7 7 same"
    assert judge_tasks.compared("17", "197") == "1 1 same, 7 9 other, - 7 other"
    assert judge_tasks.compared("120", "12") == "1 1 same, 2 2 same, 0 - other"
    assert judge_tasks.compared("Friday", "Monday") == "Friday Monday other"
    assert judge_tasks.compared("5", None) == "other"


@pytest.mark.parametrize("task", [tasks.SAME_ANSWER, tasks.IS_CORRECT, tasks.TOPIC])
def test_the_reason_says_what_the_verdict_says(task):
    for case in cases(task):
        verdict = case.reply["answer" if task == tasks.TOPIC else "correct"]
        assert verdict == ("other" not in case.reply["reason"]), case


def test_is_correct_agrees_with_the_references():
    rng, references = Random(4), {}
    for _ in range(3000):
        problem = draw(rng, rng.choice(judge_tasks.ANSWERED))
        references[problem.question] = problem.reference
    rng = Random(4)
    agreed = 0
    for case in cases(tasks.IS_CORRECT, 4000):
        if (reference := references.get(case.question)) is not None:
            value = told_value(parts(case.data)["Answer"])
            assert case.reply["correct"] == (value is not None and same_answer(value, reference)), case
            agreed += 1
    assert agreed > 0


def test_the_majority_is_the_largest_group():
    for case in cases(tasks.MAJORITY):
        said = [told_value(text.strip()) for text in re.split(r"Answer \d+: ", case.data)[1:]]
        picked = case.reply["picked"]
        assert len({said[place] for place in picked}) == 1
        assert len(picked) == max(map(said.count, said)) == said.count(said[picked[0]])


def test_difficulty_rises_with_steps_and_with_the_size_of_numbers():
    rng = Random(8)
    rated = []
    for _ in range(2000):
        problem = draw(rng, rng.choice(list(FAMILIES)))
        big = judge_tasks.largest_number(problem.question) >= 50
        rated.append((len(judge_tasks.steps(problem)), big, judge_tasks.difficulty_of(problem)))
        assert 1 <= judge_tasks.difficulty_of(problem) <= 10
        assert 1 <= judge_tasks.worth_of(problem) <= 100
    levels = {}
    for steps, big, level in rated:
        assert levels.setdefault((steps, big), level) == level
    for (steps, big), level in levels.items():
        assert level >= levels.get((steps - 1, big), 0)
        assert level >= levels.get((steps, False), 0)
    assert len(set(levels.values())) >= 8


def test_what_is_incomplete_lacks_its_numbers_or_its_question():
    rng, seen = Random(3), 0
    for _ in range(1000):
        problem = draw(rng, rng.choice(list(FAMILIES)))
        broken = judge_tasks.incomplete(rng, problem)
        if broken is not None:
            seen += 1
            assert not any(c.isdigit() for c in broken) or not broken.endswith("?")
            assert broken != problem.question
            assert broken in problem.question
    assert seen > 200


@pytest.mark.parametrize("task", [tasks.FROM_TEXT, tasks.EXTRACT])
def test_what_is_written_about_a_text_is_in_it(task):
    found = set()
    for case in cases(task):
        found.add(case.reply.get("found", True))
        if not case.reply.get("found", True):
            assert case.reply["question"] == case.reply["answer"] == ""
            assert "?" not in case.data and "boxed" not in case.data
            continue
        numbers = [word.strip(".,?%") for word in case.reply["question"].split() if any(c.isdigit() for c in word)]
        assert numbers or task == tasks.EXTRACT
        assert all(number in case.data for number in numbers)
        if task == tasks.EXTRACT:
            assert case.reply["question"] in case.data and case.reply["answer"] in case.data
    assert found == ({True} if task == tasks.FROM_TEXT else {True, False})


def test_context_is_taken_off_and_nothing_else():
    rng = Random(6)
    for _ in range(300):
        question = "A box of 3 weighs 4 kg. What do 6 boxes weigh?"
        assert judge_tasks.undressed(f"{judge_tasks.context(rng)} {question}") == question
        assert judge_tasks.undressed(question) == question


def test_training_meets_no_held_out_question_and_the_bench_no_other():
    trained = {case.question for case in training_cases(Random(1), 1500)}
    assert not any(map(is_held_out, trained))
    for task in TASKS:
        held_out = unseen_cases(Random(2), task, 12)
        assert len({case.question for case in held_out}) == 12
        assert all(is_held_out(case.question) for case in held_out)


def test_the_same_seed_draws_the_same_cases():
    assert training_cases(Random("a"), 80) == training_cases(Random("a"), 80) != training_cases(Random("b"), 80)


def test_every_case_fits_the_window(teacher):
    pytest.importorskip("transformers")
    from transformers import AutoTokenizer

    from data.generator import tokenizer as chat
    from ot_resources.generators.embedded import PROMPT_LENGTHS

    coder = AutoTokenizer.from_pretrained(teacher)
    for task in TASKS:
        lengths = [len(ids) for ids in coder([chat.judge_prompt(task, case.data) for case in cases(task)]).input_ids]
        assert max(lengths) <= PROMPT_LENGTHS[-1], task
