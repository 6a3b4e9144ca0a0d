from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ot_resources.generators.engine import EngineDied, Options
from ot_resources.generators.served import ServedEngine
from ot_resources.interfaces import BadInput, FinishReason
from tests.conftest import PROJECT
from tests.engines.running import Running, engine_cores, gone, running
from tests.engines.test_vllm import QUESTION, SCHEMA, SUMS, ask


@pytest.fixture(scope="module")
def on(vllm: None, teacher: Path) -> Iterator[Running]:
    """One server for all tests of this file; the compiler is left out, it takes longer than they do."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("VLLM_CPU_CI_ENV", "1")
        with running(ServedEngine(str(teacher), Options())) as started:
            yield started


def test_it_answers_as_the_embedded_teacher_does(on):
    answers = on.answers([ask(f"What is {a} + {b}?") for a, b in SUMS])
    right = sum(rf"\boxed{{{a + b}}}" in c.text for (a, b), c in zip(SUMS, answers, strict=True))
    assert right >= 0.6 * len(SUMS)
    assert sum(c.text.startswith("<think>\n") and "</think>" in c.text for c in answers) >= 0.9 * len(SUMS)


def test_grammars_fire(on):
    asked = [{"schema": json.dumps(SCHEMA)}, {"choice": ("mauve", "teal")}, {"regex": r"[a-f]{3}-\d{4}"}]
    written, chosen, matched = on.answers([ask(QUESTION, **more) for more in asked])
    assert re.fullmatch(r'\{"verdict":"(mauve|teal)","again":"(mauve|teal)"\}', written.text)
    assert chosen.text in ("mauve", "teal")
    assert re.fullmatch(r"[a-f]{3}-\d{4}", matched.text)


def test_a_prompt_that_does_not_fit_is_refused(on):
    long, short = on.answers([ask("Find x. " * 400), ask(QUESTION)])
    assert (long.finish_reason, long.final) == (FinishReason.ERROR, True)
    assert "1024" in long.error
    assert short.error is None


def test_only_this_process_is_answered(on):
    body = json.dumps({"model": "teacher", "messages": [{"role": "user", "content": "Hello"}]}).encode()
    request = urllib.request.Request(
        f"{on.engine._url}/v1/chat/completions", body, {"Content-Type": "application/json"}
    )
    with pytest.raises(urllib.error.HTTPError, match="401") as told:
        urllib.request.urlopen(request)
    told.value.close()


def test_it_says_who_answers_and_what_is_asked(on):
    assert re.fullmatch(r"server of vllm \d+\.\d+\.\d+\S* \(.+\)", on.engine.name)
    assert on.engine.model.startswith("embedded:teacher@")


def test_a_killed_engine_core_is_told_of_and_comes_back(on):
    cores = engine_cores()
    assert cores

    def kill() -> None:
        for pid in cores:
            os.kill(pid, signal.SIGKILL)

    outcomes = on.outcomes([ask("Name a prime.", s, temperature=2.0, max_tokens=900) for s in range(64)], kill)
    assert any(isinstance(outcome, EngineDied) for outcome in outcomes)
    assert all(isinstance(outcome, EngineDied) or outcome.error is None for outcome in outcomes)
    on.wait(on.engine.stop())
    on.starts_again(QUESTION)


START = """
import asyncio, sys
from ot_resources.generators.engine import Options
from ot_resources.generators.served import ServedEngine

asyncio.run(ServedEngine(sys.argv[1], Options()).start())
"""


def test_the_server_does_not_outlive_a_killed_run(vllm, teacher, scratch):
    surroundings = os.environ | {"VLLM_CPU_CI_ENV": "1"}
    run = subprocess.Popen([sys.executable, "-c", START, str(teacher)], env=surroundings, cwd=PROJECT)
    try:
        for _ in range(600):
            servers = {int(pid) for file in scratch.glob("*/pids") for pid in file.read_text().split()}
            if servers:
                break
            time.sleep(0.1)
        time.sleep(2.0)
        assert servers
        assert not gone(servers, 0.2)
    finally:
        run.kill()
        run.wait()
    assert gone(servers, 5.0)


def test_a_model_that_vllm_cannot_serve_is_named_in_one_line(vllm, teacher, tmp_path):
    for file in teacher.iterdir():
        (tmp_path / file.name).symlink_to(file)
    config = json.loads((teacher / "config.json").read_text())
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").write_text(json.dumps(config | {"architectures": ["NoSuchModel"]}))
    engine = ServedEngine(str(tmp_path), Options())
    with pytest.raises(BadInput, match="cannot serve .*NoSuchModel") as told, running(engine):
        pass
    assert "\n" not in str(told.value)
