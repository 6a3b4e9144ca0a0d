"""The program that tests one answer in the sandbox, and the reading of what it did.

For `stdin` and `call` the program never sees the expected outputs: they are compared on our side. For `asserts` and
`check` the tests run beside the answer in one process, and success is a line with the job's random mark at its very
end: an answer that exits early, or prints what it likes, has not passed. An answer that searches its process for the
mark could still find it; against that only a process apart helps.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ot_assets.strategies.verify.code_tests import Tests, same_output, same_value
from ot_assets.strategies.verify.verdict import Judgement, Verdict
from ot_resources.interfaces import Execution, ExecutionStatus

# What every program but a plain `stdin` one starts with. Each part is compiled under its own name, so that a
# traceback tells whose fault it was, and so that an answer may begin with `from __future__ import ...`.
PRELUDE = """
import os as _ot_os
_ot_out = _ot_os.dup(1)
def _ot_say(word, text=""):
    _ot_os.write(_ot_out, ("\\n" + {mark!r} + " " + word + " " + text + "\\n").encode("utf-8", "replace"))
def _ot_run(part, text, ours=False):
    try:
        code = compile(text, "<" + part + ">", "exec")
        if not ours or part != "tests":
            exec(code, globals())
        return code
    except BaseException as error:
        if ours:
            _ot_say("broken", part + ": " + type(error).__name__ + ": " + str(error))
            _ot_os._exit(1)
        raise
_ot_run("setup", {setup!r}, ours=True)
"""
ANSWER = """
_ot_run("answer", {answer!r})
"""
CALL = """
import json as _ot_json, sys as _ot_sys
_ot_arguments = _ot_json.loads(_ot_sys.stdin.read())
{answer}
_ot_target = globals().get({fn_name!r})
if _ot_target is None and "Solution" in globals():
    _ot_target = getattr(globals()["Solution"](), {fn_name!r}, None)
if not callable(_ot_target):
    _ot_say("missing")
else:
    _ot_value = _ot_target(*_ot_arguments)
    try:
        _ot_text = _ot_json.dumps(_ot_value)
    except (TypeError, ValueError):
        _ot_say("odd", type(_ot_value).__name__)
    else:
        _ot_say("value", _ot_text)
"""
ASSERTS = """
import sys as _ot_sys
_ot_tests = _ot_run("tests", _ot_sys.stdin.read(), ours=True)
{answer}
exec(_ot_tests, globals())
_ot_say("passed")
"""
CHECK = """
_ot_tests = _ot_run("tests", {code!r}, ours=True)
{answer}
exec(_ot_tests, globals())
check(eval({entry_point!r}, globals()))
_ot_say("passed")
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
    body = ANSWER.format(answer=answer)
    if tests.kind == "call":
        body = CALL.format(answer=body, fn_name=tests.fn_name)
    elif tests.kind == "asserts":
        body = ASSERTS.format(answer=body)
    elif tests.kind == "check":
        body = CHECK.format(answer=body, code=tests.code, entry_point=tests.entry_point)
    return PRELUDE.format(mark=mark, setup=tests.setup) + body


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
    return Judgement(Verdict.WRONG, f"expected {_short(expected.rstrip())}, got {_short(printed.rstrip())}")


def _judge_value(tests: Tests, expected: object, said: Said | None) -> Judgement:
    if said is None:
        return Judgement(Verdict.WRONG, "the program ended before it was called")
    if said.word == "missing":
        return Judgement(Verdict.WRONG, f"there is no function '{tests.fn_name}'")
    if said.word == "odd":
        return Judgement(Verdict.WRONG, f"returned a {said.text}, which JSON cannot hold")
    try:
        returned = json.loads(said.text)
    except (ValueError, RecursionError):
        return Judgement(Verdict.WRONG, "returned what JSON cannot hold")
    if same_value(expected, returned):
        return Judgement(Verdict.RIGHT, "passed")
    return Judgement(Verdict.WRONG, f"expected {_short(json.dumps(expected))}, got {_short(said.text)}")


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
    return repr(text if len(text) <= limit else text[: limit - 3] + "...")
