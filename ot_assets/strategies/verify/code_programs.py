"""The programs that test one answer in the sandbox, and the reading of what they did.

The program never shares a process with what is expected of it. For `stdin`, `call` and every assert of the form
`assert f(literals) == literal` it prints, and outputs are compared on our side. Other asserts and `check` run in a
process of their own, which calls the answer's process across a pipe (`inside/`); values cross as data, so that a lying
`__eq__`, a patched builtin or a walk up the frames meets nobody. Success is a line of the tests' process with the job's
random mark, which the answer's process never sees.
"""

from __future__ import annotations

import ast
import marshal
import re
import warnings
from dataclasses import dataclass
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any

from ot_assets.strategies.verify.code_tests import Equality, Tests, same_output, same_value
from ot_assets.strategies.verify.verdict import Judgement, Verdict
from ot_resources.interfaces import Execution, ExecutionStatus

AFTER = """
answered = True
__import__("atexit")._run_exitfuncs()
"""
# What runs beside an answer: compiled here once, and anew there only by another version of Python.
PARTS = ("inside/driver.py", "inside/values.py", "inside/peer.py", "inside/candidate.py", "inside/checker.py")
SOURCES = {Path(part).stem: (Path(__file__).parent / part).read_text() for part in PARTS}
COMPILED = {name: marshal.dumps(compile(text, f"<{name}>", "exec")) for name, text in SOURCES.items()}
# Modules that only compute: what a test or an answer does with them stays inside its process.
MODULES: tuple[str, ...] = ("math", "cmath", "itertools", "collections", "functools", "heapq", "bisect", "re", "random")
MODULES += ("string", "datetime", "decimal", "fractions", "statistics", "copy", "json", "typing")
PROGRAM = """
import marshal, sys
space = {names!r} | {{"__builtins__": dict(vars(__import__("builtins")))}}
same = sys.modules["_frozen_importlib_external"].MAGIC_NUMBER == {magic!r}
exec(marshal.loads({compiled!r}) if same else compile({driver!r}, "<driver>", "exec"), space)
del marshal, sys, space, same
exec(compile({answer!r}, '<answer>', 'exec', 0, True), __import__("sys").modules[{module!r}].__dict__)
"""
LINKED = """
import marshal, sys
plain = dict(vars(__import__("builtins")))
space = {names!r} | {{"__name__": "link", "PLAIN": plain, "__builtins__": dict(plain)}}
same = sys.modules["_frozen_importlib_external"].MAGIC_NUMBER == {magic!r}
for name, compiled, text in {parts!r}:
    exec(marshal.loads(compiled) if same else compile(text, name, "exec"), space)
space[{main!r}]()
"""


@dataclass(frozen=True)
class Said:
    """What the program's own part reported after its mark: one word and a text."""

    word: str
    text: str


def is_checked(tests: Tests) -> bool:
    """Whether the tests are code, which runs in a process of its own."""
    return tests.kind == "check" or (tests.kind == "asserts" and None in tests.equalities)


def program(answer: str, tests: Tests, mark: str) -> str:
    """The source that the sandbox runs once a case. Only for `stdin` is the answer's `__name__` the main one."""
    if is_checked(tests):
        names = {"SETUP": tests.setup, "ANSWER": answer, "MODULES": MODULES}
        return _linked("serve", ("values", "peer", "candidate"), names)
    if tests.kind == "stdin":
        if not tests.setup:
            return answer
        names = {"kind": tests.kind, "setup": tests.setup, "mark": mark}
        return _called(names, answer, "__main__")
    names = {"kind": tests.kind, "setup": tests.setup}
    return _called(names, answer, "answer") + AFTER


def checker(tests: Tests) -> str | None:
    """The source of the tests' process, where there is one."""
    if not is_checked(tests):
        return None
    names = {"SETUP": tests.setup, "KIND": tests.kind, "ENTRY_POINT": tests.entry_point}
    told = {"MODULES": MODULES, "SKETCHES": sketches(tests.setup)}
    return _linked("check", ("values", "peer", "checker"), names | told)


def sketches(setup: str) -> tuple[str, ...]:
    """The functions that `setup` leaves to the answer: their bodies are empty, or raise NotImplementedError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            functions = [node for node in ast.parse(setup).body if isinstance(node, ast.FunctionDef)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return tuple(function.name for function in functions if all(map(_is_empty, function.body)))


def _is_empty(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Expr(ast.Constant()):
            return True
        case ast.Raise(exc=ast.Name("NotImplementedError") | ast.Call(func=ast.Name("NotImplementedError"))):
            return True
    return False


def _called(names: dict[str, Any], answer: str, module: str) -> str:
    given = {"compiled": COMPILED["driver"], "driver": SOURCES["driver"], "magic": MAGIC_NUMBER}
    return PROGRAM.format(names=names, answer=answer, module=module, **given)


def _linked(main: str, parts: tuple[str, ...], names: dict[str, Any]) -> str:
    given = [(f"<{name}>", COMPILED[name], SOURCES[name]) for name in parts]
    return LINKED.format(names=names, magic=MAGIC_NUMBER, parts=given, main=main)


def inputs(tests: Tests, mark: str) -> tuple[str, ...]:
    """What is read, a case each: for `stdin` the input, else the mark, and the tests or what to call."""
    if tests.kind == "stdin":
        return tests.stdins
    if is_checked(tests):
        return tuple(f"{mark}\n{text}" for text in ([tests.code] if tests.kind == "check" else tests.stdins))
    if tests.kind == "call":
        return tuple(f"{mark}\n{tests.fn_name}\n({given}, {{}})" for given in tests.stdins)
    return tuple(f"{mark}\n{equality.name}\n{equality.given}" for equality in tests.equalities if equality)


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
    if said is not None and said.word == "gone":
        return Judgement(Verdict.WRONG, "the program ended before its tests")
    if status is not ExecutionStatus.OK:
        return Judgement(Verdict.WRONG, _failure(tests, place, execution.stderr))
    if tests.kind == "stdin":
        return _judge_output(tests.outputs[place], execution.stdout)
    if tests.kind == "call":
        return _judge_value(tests, tests.outputs[place], said)
    if not is_checked(tests) and (equality := tests.equalities[place]) is not None:
        return _judge_equality(equality, tests.stdins[place], said)
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


def _judge_equality(equality: Equality, text: str, said: Said | None) -> Judgement:
    if said is None:
        return Judgement(Verdict.WRONG, "the program ended before its tests")
    if said.word == "missing":
        return Judgement(Verdict.WRONG, f"there is no function '{equality.name}'")
    if said.word == "odd":
        return Judgement(Verdict.WRONG, f"returned what no literal can hold: {said.text[:80]}")
    try:
        equal = equality.expected == ast.literal_eval(said.text)
    except (TypeError, ValueError, SyntaxError, RecursionError, MemoryError):
        return Judgement(Verdict.WRONG, "returned what cannot be read back")
    if said.word == "value" and equal:
        return Judgement(Verdict.RIGHT, "passed")
    return Judgement(Verdict.WRONG, f"failed: {_short(text.strip(), 200)}")


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
