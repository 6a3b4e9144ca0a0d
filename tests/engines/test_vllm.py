from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ot_resources.generators.engine import EngineDied, Options
from ot_resources.generators.vllm import VllmEngine
from ot_resources.interfaces import BadInput, FinishReason, Message, Request, Sampling
from tests.conftest import PROJECT
from tests.engines.running import Running, engine_cores, gone, running

SUMS = [(a, b) for a in range(3, 11) for b in range(2, 10)]
QUESTION = "What is 3 + 4?"
SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"enum": ["mauve", "teal"]}, "again": {"enum": ["mauve", "teal"]}},
    "required": ["verdict", "again"],
    "additionalProperties": False,
}


def ask(question: str, sample: int = 0, **sampling) -> Request:
    return Request((Message("user", question),), Sampling(**({"max_tokens": 200} | sampling)), sample)


@pytest.fixture(scope="module")
def on(vllm: None, teacher: Path) -> Iterator[Running]:
    """One engine for all tests of this file; the compiler is left out, it takes longer than they do."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("VLLM_CPU_CI_ENV", "1")
        with running(VllmEngine(str(teacher), Options(seeds=True))) as started:
            yield started


def test_it_answers_as_the_embedded_teacher_does(on):
    answers = on.answers([ask(f"What is {a} + {b}?") for a, b in SUMS])
    right = sum(rf"\boxed{{{a + b}}}" in c.text for (a, b), c in zip(SUMS, answers, strict=True))
    assert right >= 0.6 * len(SUMS)
    finished = [c for c in answers if c.finish_reason == FinishReason.STOP]
    assert len(finished) >= 0.9 * len(SUMS)
    assert all(c.text.startswith("<think>\n") and "</think>" in c.text for c in finished)
    assert not any("<|im_end|>" in c.text for c in answers)


def test_greedy_text_and_token_counts_are_those_of_transformers(on, teacher):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(teacher)
    model = AutoModelForCausalLM.from_pretrained(teacher)
    questions = [f"What is {a} + {b}?" for a, b in SUMS[:8]]
    same = 0
    for question, completion in zip(questions, on.answers([ask(q, temperature=0.0) for q in questions]), strict=True):
        chat = [{"role": "user", "content": question}]
        ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=False)
        drawn = model.generate(ids, max_new_tokens=200, do_sample=False)[0, ids.shape[1] :]
        text = tokenizer.decode(drawn, skip_special_tokens=True)
        assert completion.prompt_tokens == ids.shape[1]
        same += (completion.text, completion.completion_tokens) == (text, len(drawn))
    assert same >= 6  # sums in bfloat16 are not the same to the last bit


def test_samples_of_one_question_differ(on):
    assert len({c.text for c in on.answers([ask("Name a prime.", s, temperature=1.5) for s in range(16)])}) >= 8


def test_a_seed_decides_the_sample(on):
    twice = [on.answers([ask("Name a prime.", s, temperature=2.0, max_tokens=6) for s in range(6)]) for _ in range(2)]
    same = sum(a.text == b.text for a, b in zip(*twice, strict=True))
    assert same >= 5
    assert len({c.text for c in twice[0]}) > 1


def test_json_keeps_to_its_schema(on):
    made = on.answers([ask(QUESTION, s, schema=json.dumps(SCHEMA)) for s in range(4)])
    for completion in made:
        assert completion.finish_reason == FinishReason.STOP
        assert re.fullmatch(r'\{"verdict":"(mauve|teal)","again":"(mauve|teal)"\}', completion.text)


def test_one_of_a_choice_is_answered(on):
    assert {c.text for c in on.answers([ask(QUESTION, s, choice=("mauve", "teal")) for s in range(4)])} <= {
        "mauve",
        "teal",
    }


def test_a_regex_is_matched_as_a_whole(on):
    made = on.answers([ask(QUESTION, s, regex=r"[a-f]{3}-\d{4}") for s in range(4)])
    assert all(re.fullmatch(r"[a-f]{3}-\d{4}", c.text) for c in made)


@pytest.mark.parametrize("wrong", [{"schema": '{"type": 7}'}, {"schema": "{nope"}, {"regex": "(("}])
def test_a_grammar_that_cannot_be_kept_to_is_refused(on, wrong):
    bad, good = on.answers([ask(QUESTION, **wrong), ask(QUESTION)])
    assert (bad.finish_reason, bad.final) == (FinishReason.ERROR, True)
    assert "does not take this request" in bad.error
    assert "\n" not in bad.error
    assert good.error is None


def test_it_stops_before_a_stop_string_and_at_the_most_tokens(on):
    whole, stopped, cut = on.answers(
        [ask(QUESTION, temperature=0.0, **more) for more in ({}, {"stop": ("answer",)}, {"max_tokens": 3})]
    )
    assert stopped.text == whole.text[: whole.text.index("answer")]
    assert stopped.finish_reason == FinishReason.STOP
    assert (cut.finish_reason, cut.completion_tokens) == (FinishReason.LENGTH, 3)
    assert whole.text.startswith(cut.text)


def test_more_tokens_than_the_context_holds_are_lowered_to_what_fits(on):
    (completion,) = on.answers([ask(QUESTION, temperature=0.0, max_tokens=100_000)])
    assert completion.finish_reason == FinishReason.STOP


def test_a_prompt_that_does_not_fit_is_refused_with_both_numbers(on):
    (completion,) = on.answers([ask("Find x. " * 400)])
    assert (completion.finish_reason, completion.final) == (FinishReason.ERROR, True)
    assert re.search(r"1209 tokens .* 1024", completion.error)


def test_it_says_who_answers_and_what_is_asked(on):
    assert re.fullmatch(r"vllm \d+\.\d+\.\d+\S* \(.+\)", on.engine.name)
    assert on.engine.model.startswith("embedded:teacher@")


def test_a_killed_engine_core_is_told_of_and_comes_back(on):
    cores = engine_cores()
    assert cores

    def kill() -> None:
        for pid in cores:
            os.kill(pid, signal.SIGKILL)

    outcomes = on.outcomes([ask("Name a prime.", s, temperature=2.0, max_tokens=900) for s in range(64)], kill)
    assert any(isinstance(outcome, EngineDied) and "SIGKILL" in str(outcome) for outcome in outcomes)
    assert all(isinstance(outcome, EngineDied) or outcome.error is None for outcome in outcomes)
    on.wait(on.engine.stop())
    assert gone(cores)
    on.starts_again(QUESTION)


START = """
import asyncio, sys
from ot_resources.generators.engine import Options
from ot_resources.generators.vllm import VllmEngine

asyncio.run(VllmEngine(sys.argv[1], Options()).start())
"""


def test_the_engine_core_does_not_outlive_a_killed_run(vllm, teacher, scratch):
    surroundings = os.environ | {"VLLM_CPU_CI_ENV": "1"}
    run = subprocess.Popen(
        [sys.executable, "-c", START, str(teacher)], env=surroundings, cwd=PROJECT, stderr=subprocess.PIPE
    )
    try:
        for _ in range(4000):  # to import vLLM can take long
            cores = {int(pid) for file in scratch.glob("*/pids") for pid in file.read_text().split()}
            if cores or run.poll() is not None:
                break
            time.sleep(0.1)
        assert cores
        time.sleep(1.0)
        for pid in cores:
            os.kill(pid, signal.SIGINT)  # Ctrl-C reaches every process of the terminal; only the run itself decides
        time.sleep(1.0)
        assert not gone(cores, 0.2)
    finally:
        run.kill()
        told = run.communicate()[1]
    assert gone(cores, 5.0)
    assert told == b""


def test_a_model_that_vllm_cannot_run_is_named_in_one_line(vllm, teacher, tmp_path):
    for file in teacher.iterdir():
        (tmp_path / file.name).symlink_to(file)
    config = json.loads((teacher / "config.json").read_text())
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").write_text(json.dumps(config | {"architectures": ["NoSuchModel"]}))
    with (
        pytest.raises(BadInput, match="cannot run .*NoSuchModel") as told,
        running(VllmEngine(str(tmp_path), Options())),
    ):
        pass
    assert "\n" not in str(told.value)


def test_memory_that_does_not_suffice_is_told_in_one_line(vllm, teacher, monkeypatch):
    monkeypatch.setenv("VLLM_CPU_CI_ENV", "1")
    monkeypatch.delenv("VLLM_CPU_KVCACHE_SPACE", raising=False)
    monkeypatch.setattr("ot_resources.generators.build._CACHE_ON_CPU", 1 << 16)
    with (
        pytest.raises(BadInput, match="cannot run .*No available memory") as told,
        running(VllmEngine(str(teacher), Options())),
    ):
        pass
    assert "\n" not in str(told.value)


def test_no_model_is_told_before_anything_is_loaded(vllm, tmp_path):
    with pytest.raises(BadInput, match="no model in .*expected config.json"):
        VllmEngine(str(tmp_path), Options())
    for wrong in (str(tmp_path / "nowhere"), "data/techer", "a/b/c"):
        with pytest.raises(BadInput, match="no model at"):
            VllmEngine(wrong, Options())
