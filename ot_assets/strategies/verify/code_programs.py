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

# Runs in the sandbox before the answer of the kind `call`, in a namespace and with builtins of its own, and leaves the
# call to `atexit`. Each part is compiled under its own name, so that a traceback tells whose fault it was and an answer
# may begin with `from __future__ import ...`. No json: its import costs more than most answers, so values go as Python
# literals.
DRIVER = """
import atexit, os, sys
from os import _exit, write
from sys import settrace, setprofile
plain = __builtins__
main = sys.modules["__main__"].__dict__
out = os.dup(1)

def ours(part, text, space, say, run):
    try:
        code = compile(text, "<" + part + ">", "exec", 0, True)
        if run:
            exec(code, space)
        return code
    except BaseException as error:
        say("broken", part + ": " + type(error).__name__ + ": " + str(error))
        _exit(1)

def as_json(value):
    if value is None or value is True or value is False:
        return repr(value)
    for kind in (str, int):
        if isinstance(value, kind):
            return kind.__repr__(value)
    if isinstance(value, float) and value == value:
        return float.__repr__(value).replace("inf", "1e999")
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([as_json(item) for item in value]) + "]"
    if isinstance(value, dict):
        return "{" + ",".join([repr(str(key)) + ":" + as_json(item) for key, item in value.items()]) + "}"
    raise TypeError(type(value).__name__)

def as_literal(value):
    if value is None or value is True or value is False:
        return repr(value)
    for kind in (str, int, bytes, complex):
        if isinstance(value, kind):
            return kind.__repr__(value)
    if isinstance(value, float) and value == value:
        return float.__repr__(value).replace("inf", "1e999")
    if isinstance(value, bytearray):
        return repr(bytes(value))
    if isinstance(value, tuple):
        return "(" + "".join([as_literal(item) + "," for item in tuple.__iter__(value)]) + ")"
    if isinstance(value, list):
        return "[" + ",".join([as_literal(item) for item in list.__iter__(value)]) + "]"
    if isinstance(value, dict):
        return "{" + ",".join([as_literal(key) + ":" + as_literal(item) for key, item in dict.items(value)]) + "}"
    if isinstance(value, (set, frozenset, type({}.keys()))):
        return "{" + ",".join([as_literal(item) for item in value]) + "}" if value else "set()"
    if hasattr(value, "as_integer_ratio"):
        top, bottom = value.as_integer_ratio()
        if bottom == 1 or (top / bottom).as_integer_ratio() == (top, bottom):
            return repr(top if bottom == 1 else top / bottom)
    raise TypeError(type(value).__name__)

def call(space, say, name, given, show):
    target = space.get(name, plain.get(name) if show is as_literal else None)
    if target is None and "Solution" in space:
        target = getattr(space["Solution"](), name, None)
    if not callable(target):
        return say("missing")
    value = target(*given[0], **given[1])
    try:
        text = show(value)
    except (ArithmeticError, TypeError, ValueError, RecursionError) as error:
        return say("odd", str(error))
    say("value", text)

def begin():
    chunks = []
    while chunk := os.read(0, 1 << 16):
        chunks.append(chunk)
    mark, name, text = b"".join(chunks).decode("utf-8", "surrogatepass").split("\\n", 2)
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    module = sys.modules["answer"] = type(sys)("answer")
    space = module.__dict__

    def say(word, text=""):
        write(out, ("\\n" + mark + " " + word + " " + text + "\\n").encode("utf-8", "replace"))

    space["__builtins__"] = dict(plain)
    ours("setup", setup, space, say, run=True)
    space["__builtins__"] = sys.modules["builtins"]
    given = eval(text, {"nan": float("nan"), "inf": float("inf")})
    show = as_json if kind == "call" else as_literal

    def finish():
        settrace(None)
        setprofile(None)
        if not main.get("answered"):
            return
        try:
            call(space, say, name, given, show)
        except SystemExit:
            _exit(1)
        except BaseException as error:
            import traceback
            text = "".join(traceback.format_exception(type(error), error, error.__traceback__, limit=-8))
            write(2, text[-4000:].encode("utf-8", "replace"))
            _exit(1)

    atexit.register(finish)

if kind == "stdin":
    def say(word, text=""):
        write(out, ("\\n" + mark + " " + word + " " + text + "\\n").encode("utf-8", "replace"))
    ours("setup", setup, main, say, run=True)
else:
    begin()
"""
PROGRAM = """
exec(compile({driver!r}, '<driver>', 'exec'), {names!r} | {{"__builtins__": dict(vars(__import__("builtins")))}})
exec(compile({answer!r}, '<answer>', 'exec', 0, True), __import__("sys").modules[{module!r}].__dict__)
"""
AFTER = """
answered = True
__import__("atexit")._run_exitfuncs()
"""
# The same two processes for every answer: compiled here once, and anew there only by another version of Python.
INSIDE = Path(__file__).with_name("inside")
SOURCES = {name: (INSIDE / f"{name}.py").read_text() for name in ("values", "peer", "candidate", "checker")}
COMPILED = {name: marshal.dumps(compile(text, f"<{name}>", "exec")) for name, text in SOURCES.items()}
# Modules that only compute: what a test or an answer does with them stays inside its process.
MODULES: tuple[str, ...] = ("math", "cmath", "itertools", "collections", "functools", "heapq", "bisect", "re", "random")
MODULES += ("string", "datetime", "decimal", "fractions", "statistics", "copy", "json", "typing")
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
        return PROGRAM.format(driver=DRIVER, names=names, answer=answer, module="__main__")
    names = {"kind": tests.kind, "setup": tests.setup}
    return PROGRAM.format(driver=DRIVER, names=names, answer=answer, module="answer") + AFTER


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
