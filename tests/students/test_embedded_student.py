"""What the project's own student is, and what it was trained on."""

from __future__ import annotations

import json
from random import Random

from data.generator import tokenizer as chat
from data.generator import train_student
from data.generator.families import FAMILIES
from data.generator.problem import is_held_out
from ot_resources.generators import TEACHER_FOLDER
from ot_resources.students import STUDENT_FOLDER


def test_it_reads_and_is_asked_as_the_teacher_is():
    from transformers import AutoTokenizer

    own, other = (AutoTokenizer.from_pretrained(at) for at in (STUDENT_FOLDER, TEACHER_FOLDER))
    problems = [FAMILIES["math"][name](Random(0)) for name in FAMILIES["math"]]
    asked = [[{"role": "user", "content": p.question}, {"role": "assistant", "content": p.solution}] for p in problems]
    assert own.apply_chat_template(asked, return_dict=False) == other.apply_chat_template(asked, return_dict=False)
    assert own.get_vocab() == other.get_vocab() and own.pad_token_id == other.pad_token_id
    student, teacher = (json.loads((at / "config.json").read_text()) for at in (STUDENT_FOLDER, TEACHER_FOLDER))
    shape = ("hidden_size", "num_hidden_layers", "vocab_size", "eos_token_id", "pad_token_id")
    assert [student[name] for name in shape] == [teacher[name] for name in shape]


def test_it_is_small_enough_to_come_with_the_project():
    assert sum(file.stat().st_size for file in STUDENT_FOLDER.iterdir()) < 4_000_000


def test_what_it_was_trained_on_is_recorded_as_the_script_says():
    record = json.loads((STUDENT_FOLDER / "training.json").read_text())
    assert record["mix"] == train_student.MIX and record["tokens"] >= train_student.TOKENS
    assert "math" not in record["mix"] and sum(record["mix"].values()) == 1


def test_it_saw_sums_and_other_domains_and_nothing_held_out():
    found = train_student.examples(Random(0), 0.0)
    questions = [example.prompt.split("user\n", 1)[1].split(chat.END)[0] for example in found]
    assert len(questions) == train_student.POOL and not any(map(is_held_out, questions))
    sums = [text for text in questions if text.startswith("What is ") and len(text) < 24]
    assert 0.3 < len(sums) / len(questions) < 0.5
    asked = {FAMILIES["math"][name](Random(seed)).question for name in FAMILIES["math"] for seed in range(200)}
    assert not asked & set(questions)
