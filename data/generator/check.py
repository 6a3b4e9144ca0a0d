"""A small grader for the generator's own solutions and reference programs. Never for what a model wrote.

It runs programs in a subprocess with two limits and nothing else: they may read, write and send what they like. What
a model wrote is judged by the pipeline's strategies in their sandbox (`bench/teacher.py`). Two verdicts, and only the
answer formats of `data.generator.families`.
"""

import json
import re
import subprocess
import sys
import tempfile
from fractions import Fraction

from data.generator.problem import Problem

CODE_SECONDS = 5

# Runs in a process of its own, so that an endless program of ours ends.
HARNESS = """
import contextlib, io, json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
task = json.load(sys.stdin)
program, tests = compile(task["program"], "answer", "exec"), task["tests"]
real, sys.stdout = sys.stdout, io.StringIO()
right = True
if tests["kind"] == "stdin":
    for given, wanted in zip(tests["inputs"], tests["outputs"], strict=True):
        sys.stdin, printed = io.StringIO(given), io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(program, {"__name__": "__main__"})
        right = right and printed.getvalue().split() == wanted.split()
else:
    names = {"__name__": "answer"}
    exec(program, names)
    if tests["kind"] == "call":
        for given, wanted in zip(tests["inputs"], tests["outputs"], strict=True):
            right = right and names[tests["fn_name"]](*given) == wanted
    else:
        for line in tests["asserts"]:
            exec(line, names)
print("RIGHT" if right else "WRONG", file=real)
"""


def boxed_answer(response: str) -> str | None:
    """The text in the last box after the reasoning, or None."""
    found = re.findall(r"\\boxed\{([^{}]*)\}", response.rpartition("</think>")[2])
    return found[-1] if found else None


def code_answer(response: str) -> str | None:
    """The last fenced Python block after the reasoning, or None."""
    found = re.findall(r"```python\n(.*?)```", response.rpartition("</think>")[2], re.DOTALL)
    return found[-1] if found else None


def same_answer(answer: str, reference: str) -> bool:
    """Equal as numbers where both are numbers, else equal as text without case and spaces."""
    try:
        return Fraction(answer.strip()) == Fraction(reference.strip())
    except (ValueError, ZeroDivisionError):
        return "".join(answer.lower().split()) == "".join(reference.lower().split())


def passes(program: str, tests: dict, seconds: float = CODE_SECONDS) -> bool:
    """Whether `program`, one of ours, passes all `tests` (the JSON shapes `call`, `stdin` and `asserts`) within `seconds`."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", HARNESS],
                input=json.dumps({"program": program, "tests": tests}),
                capture_output=True,
                text=True,
                cwd=folder,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0 and done.stdout.strip() == "RIGHT"


def is_right(problem: Problem, response: str) -> bool:
    """Whether `response`, a whole completion with its think block, answers `problem`."""
    if problem.tests is not None:
        program = code_answer(response)
        return program is not None and passes(program, problem.tests)
    answer = boxed_answer(response)
    return answer is not None and same_answer(answer, problem.reference)
