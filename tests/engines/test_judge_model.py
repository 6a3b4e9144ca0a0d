"""The embedded judge: it reads the task, is mostly right about questions that it never saw, and still answers them."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from data.generator.families import unseen
from data.generator.judge_tasks import unseen_cases
from ot_assets.strategies import tasks
from ot_resources.generators import JUDGE_FOLDER, open_generator
from ot_resources.interfaces import Message
from tests.conftest import require
from tests.engines.rule_engine import ask

SPEC = f"embedded:{JUDGE_FOLDER}"


@pytest.fixture(autouse=True)
def judge() -> Path:
    weights = JUDGE_FOLDER / "model.safetensors"
    require("teacher", weights.exists(), f"nothing at {weights}; data/generator/train_judge.py makes it")
    return JUDGE_FOLDER


def prompt(folder: Path, *messages: Message) -> str:
    from transformers import AutoTokenizer

    coder = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    chat = [{"role": message.role, "content": message.content} for message in messages]
    return str(coder.apply_chat_template(chat, tokenize=False, add_generation_prompt=True))


def test_it_reads_of_a_system_message_the_task_alone(judge):
    asked = tasks.instruct(tasks.DIFFICULTY, "A rubric.\n\nOf several lines.", "What is 2 + 2?\n\nShow it.")
    said = prompt(judge, *asked)
    assert tasks.DIFFICULTY in said and "rubric" not in said and "lines" not in said
    assert "What is 2 + 2?\n\nShow it." in said
    assert said != prompt(judge, *tasks.instruct(tasks.ASK_LLM, "", asked[1].content))


def test_a_bare_question_is_what_the_teacher_reads(judge, teacher):
    assert prompt(judge, Message("user", "Two\nlines")) == prompt(teacher, Message("user", "Two\nlines"))


@pytest.mark.parametrize(
    ("task", "right", "share"),
    [
        (tasks.SAME_ANSWER, lambda wanted, reply: wanted["correct"] == reply["correct"], 0.60),
        (tasks.ANSWERABLE, lambda wanted, reply: wanted["answer"] == reply["answer"], 0.75),
        (tasks.DIFFICULTY, lambda wanted, reply: wanted["rating"] == reply["rating"], 0.55),
        (tasks.EXTRACT, lambda wanted, reply: wanted["found"] == reply["found"], 0.90),
    ],
    ids=["same answer", "answerable", "difficulty", "extract"],
)
def test_its_replies_are_of_the_form_and_mostly_right(task, right, share):
    from bench.judge import ask as judged

    cases = unseen_cases(Random(f"test {task}"), task, 50)
    replies = judged(SPEC, cases)
    assert sum(reply is None for reply in replies) <= 2
    hits = sum(reply is not None and right(case.reply, reply) for case, reply in zip(cases, replies, strict=True))
    assert hits / len(cases) >= share


def test_verdicts_differ_with_the_answer():
    from bench.judge import ask as judged

    replies = judged(SPEC, unseen_cases(Random("both"), tasks.SAME_ANSWER, 40))
    assert {reply["correct"] for reply in replies if reply} == {True, False}


def test_it_still_answers_bare_questions():
    problems = [problem for domain in ("math", "science", "puzzle") for problem in unseen(5, domain, 24)]
    with open_generator(SPEC) as generator:
        responses = list(generator.generate(ask(p.question, temperature=0.0, max_tokens=160) for p in problems))
    assert all(response.reasoning for response in responses)
    right = sum(f"\\boxed{{{p.reference}}}" in r.answer for p, r in zip(problems, responses, strict=True))
    assert right / len(problems) >= 0.4
