"""The teacher's answers are judged in the sandbox: they may come from any model."""

from pathlib import Path
from random import Random

import pytest

from data.generator.families import FAMILIES, draw

pytest.importorskip("torch")
pytest.importorskip("transformers")


def test_gold_solutions_are_verified_and_those_of_others_are_not():
    from bench.teacher import verified

    rng = Random("teacher bench")
    problems = [draw(rng, domain, family) for domain, families in FAMILIES.items() for family in families]
    assert verified(problems, [problem.solution for problem in problems]) == [True] * len(problems)
    others = problems[1:] + problems[:1]
    right = verified(problems, [other.solution for other in others])
    assert right == [a.reference == b.reference and a.tests == b.tests for a, b in zip(problems, others, strict=True)]


def test_a_program_in_an_answer_changes_nothing_outside(tmp_path: Path):
    from bench.teacher import verified

    tmp_path.chmod(0o777)
    written = tmp_path / "written"
    problem = draw(Random(1), "code", "call")
    program = problem.solution.rpartition("```python\n")[2].removesuffix("```")
    hostile = f"import socket\ntry:\n    open({str(written)!r}, 'w')\nexcept OSError: pass\n{program}"
    connected = f"import socket\nsocket.socket()\n{program}"
    assert verified([problem] * 2, [f"```python\n{text}\n```" for text in (hostile, connected)]) == [True, False]
    assert not written.exists()
