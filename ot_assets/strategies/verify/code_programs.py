"""The program that tests one answer in the sandbox, and the reading of what it did.

For `stdin` and `call` the program never sees the expected outputs: they are compared on our side. For `asserts` and
`check` the tests run beside the answer in one process, and success is a line with the job's random mark at its very
end: an answer that exits early, or prints what it likes, has not passed. An answer that searches its process for the
mark could still find it; against that only a process apart helps.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from ot_assets.strategies.verify.code_tests import Tests, same_output, same_value
from ot_assets.strategies.verify.verdict import Judgement, Verdict
from ot_resources.interfaces import Execution, ExecutionStatus

# Runs in the sandbox, in a namespace of its own: the answer's is `__main__`, and holds nothing of ours. Each part is
# compiled under its own name, so that a traceback tells whose fault it was and an answer may begin with
# `from __future__ import ...`. No json: its import costs more than most answers, so values go as Python literals.
DRIVER = """
import os, sys
space = sys.modules["__main__"].__dict__
out = os.dup(1)

def say(word, text=""):
    os.write(out, ("\\n" + mark + " " + word + " " + text + "\\n").encode("utf-8", "replace"))

def ours(part, text, run):
    try:
        code = compile(text, "<" + part + ">", "exec")
        if run:
            exec(code, space)
        return code
    except BaseException as error:
        say("broken", part + ": " + type(error).__name__ + ": " + str(error))
        os._exit(1)

def show(value):
    if value is None or value is True or value is False:
        return repr(value)
    for kind in (str, int):
        if isinstance(value, kind):
            return kind.__repr__(value)
    if isinstance(value, float) and value == value:
        return float.__repr__(value).replace("inf", "1e999")
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([show(item) for item in value]) + "]"
    if isinstance(value, dict):
        return "{" + ",".join([repr(str(key)) + ":" + show(item) for key, item in value.items()]) + "}"
    raise TypeError(type(value).__name__)

def call(arguments):
    target = space.get(fn_name)
    if target is None and "Solution" in space:
        target = getattr(space["Solution"](), fn_name, None)
    if not callable(target):
        return say("missing")
    value = target(*arguments)
    try:
        text = show(value)
    except (TypeError, ValueError, RecursionError) as error:
        return say("odd", str(error))
    say("value", text)

ours("setup", setup, run=True)
if kind == "call":
    arguments = eval(sys.stdin.read(), {"nan": float("nan"), "inf": float("inf")})
elif kind == "asserts":
    tests = ours("tests", sys.stdin.read(), run=False)
elif kind == "check":
    tests = ours("tests", code, run=False)
exec(compile(answer, "<answer>", "exec"), space)
if kind == "call":
    call(arguments)
elif kind == "asserts":
    exec(tests, space)
    say("passed")
elif kind == "check":
    exec(tests, space)
    space["check"](eval(entry_point, space))
    say("passed")
"""


@dataclass(frozen=True)
class Said:
    """What the program's own part reported after its mark: one word and a text."""

    word: str
    text: str


def program(answer: str, tests: Tests, mark: str) -> str:
    """The source that the sandbox runs once a case."""
    if tests.kind == "stdin" and not tests.setup:
        return answer
    names = {
        "mark": mark,
        "kind": tests.kind,
        "setup": tests.setup,
        "answer": answer,
        "fn_name": tests.fn_name,
        "code": tests.code,
        "entry_point": tests.entry_point,
    }
    return f"exec(compile({DRIVER!r}, '<driver>', 'exec'), {names!r})"


def judge_case(tests: Tests, place: int, execution: Execution, mark: str) -> Judgement:
    """The verdict on one case, `place` counted from 0."""
    said = _said(execution.stdout, mark)
    if said is not None and said.word == "broken":
        return Judgement(Verdict.ERROR, f"the question's {said.text}")
    status = execution.status
    if status is ExecutionStatus.UNAVAILABLE:
        return Judgement(Verdict.UNAVAILABLE, execution.stderr)
    if status is ExecutionStatus.TIMEOUT:
        return Judgement(Verdict.TIMEOUT, _last_line(execution.stderr))
    if status is ExecutionStatus.MEMORY:
        return Judgement(Verdict.WRONG, _last_line(execution.stderr))
    if status is not ExecutionStatus.OK:
        return Judgement(Verdict.WRONG, _failure(tests, place, execution.stderr))
    if tests.kind == "stdin":
        return _judge_output(tests.outputs[place], execution.stdout)
    if tests.kind == "call":
        return _judge_value(tests, tests.outputs[place], said)
    if said is not None and said.word == "passed":
        return Judgement(Verdict.RIGHT, "passed")
    return Judgement(Verdict.WRONG, "the program ended before its tests")


def _judge_output(expected: str, printed: str) -> Judgement:
    if same_output(expected, printed):
        return Judgement(Verdict.RIGHT, "passed")
    return Judgement(Verdict.WRONG, f"expected {_short(repr(expected.rstrip()))}, got {_short(repr(printed.rstrip()))}")


def _judge_value(tests: Tests, expected: object, said: Said | None) -> Judgement:
    if said is None:
        return Judgement(Verdict.WRONG, "the program ended before it was called")
    if said.word == "missing":
        return Judgement(Verdict.WRONG, f"there is no function '{tests.fn_name}'")
    if said.word == "odd":
        return Judgement(Verdict.WRONG, f"returned what JSON cannot hold: {said.text[:80]}")
    try:
        returned = ast.literal_eval(said.text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return Judgement(Verdict.WRONG, "returned what cannot be read back")
    if same_value(expected, returned):
        return Judgement(Verdict.RIGHT, "passed")
    return Judgement(Verdict.WRONG, f"expected {_short(repr(expected))}, got {_short(repr(returned))}")


def _said(stdout: str, mark: str) -> Said | None:
    # The last one counts: nothing comes after it but what was still buffered.
    start = stdout.rfind(f"\n{mark} ")
    if start < 0:
        return None
    line = stdout[start + len(mark) + 2 :].split("\n", 1)[0]
    word, _, text = line.partition(" ")
    return Said(word, text)


def _failure(tests: Tests, place: int, stderr: str) -> str:
    """Why the program failed: the error, and for a failed assert which one."""
    reason = _last_line(stderr) or "the program failed"
    if not reason.startswith("AssertionError"):
        return reason
    lines = re.findall(r'File "<tests>", line (\d+)', stderr)
    source = (tests.stdins[place] if tests.kind == "asserts" else tests.code).splitlines()
    if lines and int(lines[-1]) <= len(source):
        return f"failed: {_short(source[int(lines[-1]) - 1].strip(), 200)}"
    return reason


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""


def _short(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."
