from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from ot_resources.generators import open_engine, open_generator
from ot_resources.generators.embedded import BATCH, EmbeddedEngine
from ot_resources.generators.engine import Completion, Options, request_key, request_seed
from ot_resources.interfaces import BadInput, FinishReason, Request
from tests.conftest import PROJECT
from tests.engines.rule_engine import ask

QUESTIONS = [f"What is {n} + {3 * n + 1}?" for n in range(12)]
LONG = "Find x. " * 400


@pytest.fixture(scope="module")
def engine(teacher: Path) -> EmbeddedEngine:
    return EmbeddedEngine(teacher)


def answers(engine: EmbeddedEngine, requests: Sequence[Request]) -> list[Completion]:
    return answers_of(engine, requests, [request_seed(request_key(engine.model, request)) for request in requests])


def answers_of(engine: EmbeddedEngine, requests: Sequence[Request], seeds: Sequence[int]) -> list[Completion]:
    """What the engine answers to requests that come all at once, in their order."""

    async def all_of_them() -> list[Completion]:
        await engine.start()
        try:
            return list(await asyncio.gather(*map(engine.answer, requests, seeds)))
        finally:
            await engine.stop()

    return asyncio.run(all_of_them())


@pytest.fixture(scope="module")
def together(engine: EmbeddedEngine) -> list[Completion]:
    return answers(engine, [ask(q, max_tokens=12) for q in QUESTIONS])


@pytest.fixture(scope="module")
def full(engine: EmbeddedEngine) -> Completion:
    """A whole answer, decoded greedily."""
    return answers(engine, [ask(QUESTIONS[0], temperature=0.0)])[0]


def test_answers_differ_by_question_and_by_sample(engine):
    made = answers(engine, [ask(QUESTIONS[3], sample, max_tokens=12, temperature=2.0) for sample in range(8)])
    assert len({completion.text for completion in made}) > 1


def test_an_answer_does_not_depend_on_its_neighbours(engine, together):
    assert answers(engine, [ask(QUESTIONS[5], max_tokens=12)]) == [together[5]]
    others = [ask(f"Name {n} primes.", max_tokens=12) for n in range(BATCH + 9)]
    assert answers(engine, [*others, ask(QUESTIONS[5], max_tokens=12)])[-1] == together[5]


def test_an_answer_does_not_depend_on_the_order(engine, together):
    turned = answers(engine, [ask(q, max_tokens=12) for q in reversed(QUESTIONS)])
    assert turned[::-1] == together


ANOTHER = """
import json
from ot_resources.generators import open_generator
from tests.engines.test_embedded import QUESTIONS
from tests.engines.rule_engine import ask
with open_generator("embedded") as teacher:
    print(json.dumps([r.text for r in teacher.generate(ask(q, max_tokens=12) for q in QUESTIONS)]))
"""


def test_another_process_gets_the_same_answers(together):
    run = subprocess.run([sys.executable, "-c", ANOTHER], capture_output=True, text=True, cwd=PROJECT, check=True)
    assert json.loads(run.stdout) == [completion.text for completion in together]


def test_temperature_zero_is_greedy(engine):
    made = answers(engine, [ask(QUESTIONS[2], sample, max_tokens=12, temperature=0.0) for sample in range(4)])
    assert len({completion.text for completion in made}) == 1
    nearly = answers(engine, [ask(QUESTIONS[2], max_tokens=12, top_p=1e-6)])
    assert nearly[0].text == made[0].text


def test_a_prompt_that_is_too_long_is_an_error_of_its_own(engine, together):
    first, long, last = answers(engine, [ask(QUESTIONS[0], max_tokens=12), ask(LONG), ask(QUESTIONS[1], max_tokens=12)])
    assert [first, last] == together[:2]
    assert (long.finish_reason, long.text) == (FinishReason.ERROR, "")
    assert "longer than the 256" in (long.error or "")


def test_a_cut_answer_says_so_and_a_finished_one_too(engine, full):
    (cut,) = answers(engine, [ask(QUESTIONS[0], max_tokens=3, temperature=0.0)])
    assert (cut.finish_reason, cut.completion_tokens) == (FinishReason.LENGTH, 3)
    assert full.finish_reason == FinishReason.STOP
    assert full.text.startswith(cut.text)


def test_an_answer_ends_before_a_stop_string(engine, full):
    mark = full.text[6:9]
    (cut,) = answers(engine, [ask(QUESTIONS[0], temperature=0.0, max_tokens=24, stop=(mark, "never seen"))])
    assert cut.text == full.text[: full.text.index(mark)]
    assert cut.finish_reason == FinishReason.STOP


def test_a_batch_that_nobody_waits_for_any_more_ends(engine):
    rambling = ask(QUESTIONS[0], temperature=9.0, max_tokens=120)

    async def seconds(given_up: bool) -> float:
        """How long one short question waits that comes when a long one is being answered."""
        await engine.start()
        long = asyncio.create_task(engine.answer(rambling, 1))
        await asyncio.sleep(0.3)
        if given_up:
            long.cancel()
        began = time.monotonic()
        await engine.answer(ask(QUESTIONS[1], max_tokens=1), 2)
        await asyncio.gather(long, return_exceptions=True)
        await engine.stop()
        return time.monotonic() - began

    assert asyncio.run(seconds(given_up=True)) < asyncio.run(seconds(given_up=False)) / 2


def test_it_reasons_and_answers(teacher):
    with open_generator("embedded") as generator:
        responses = list(generator.generate(ask(q, s) for q in QUESTIONS[:4] for s in range(4)))
    assert len(responses) == 16
    assert sum(r.reasoning is not None and r.answer != "" for r in responses) >= 12
    assert all(r.model.startswith("embedded:teacher@") for r in responses)


def test_a_folder_without_a_model_is_one_line(tmp_path):
    with pytest.raises(BadInput, match=r"no model in .*: expected model\.safetensors"):
        open_engine("embedded", str(tmp_path), "", Options())
    with pytest.raises(BadInput, match="unknown engine 'embeded'; there is: .*embedded"):
        open_engine("embeded", "", "", Options())
