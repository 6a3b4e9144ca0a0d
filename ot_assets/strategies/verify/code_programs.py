"""The program that tests one answer in the sandbox, and the reading of what it did.

For `stdin`, `call` and every assert of the form `assert f(literals) == literal` the program never sees the expected
outputs: they are compared on our side. Other asserts and `check` run beside the answer in one process, and success is
a line with the job's random mark at its very end: an answer that exits early, or prints what it likes, has not passed.

Such tests run after the answer, with builtins copied before it ran and the names that `setup` imported; no frame below
the answer holds the mark or the tests, and standard input is empty by then. What remains: an answer can return objects
whose `==` lies, change modules that the tests use, or search all objects of its process (`gc`) for the mark; against
that only a process apart helps.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from ot_assets.strategies.verify.code_tests import Equality, Tests, same_output, same_value
from ot_assets.strategies.verify.verdict import Judgement, Verdict
from ot_resources.interfaces import Execution, ExecutionStatus

# Runs in the sandbox before the answer, in a namespace and with builtins of its own, and leaves what is to run after it
# to `atexit`, which shows nobody what it holds. Each part is compiled under its own name, so that a traceback tells
# whose fault it was and an answer may begin with `from __future__ import ...`. No json: its import costs more than most
# answers, so values go as Python literals.
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

def tests_space(space, before):
    # A name that the answer gave to something else than the builtin or the import that the tests mean is not theirs.
    seen = {name: value for name, value in space.items() if name in before or name not in plain}
    for name, value in before.items():
        helper = kind == "check" and isinstance(value, type(call)) and name not in entry_point
        if helper or getattr(value, "__module__", None) != "answer":
            seen[name] = value
    seen.update(__builtins__=dict(plain), __name__="tests")
    return seen

def begin():
    chunks = []
    while chunk := os.read(0, 1 << 16):
        chunks.append(chunk)
    mark, word, name, text = b"".join(chunks).decode("utf-8", "surrogatepass").split("\\n", 3)
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
    before = dict(space)
    if word == "call":
        given = eval(text, {"nan": float("nan"), "inf": float("inf")})
        show = as_json if kind == "call" else as_literal
        after = lambda: call(space, say, name, given, show)
    else:
        tests = ours("tests", text, space, say, run=False)
        def after():
            theirs = tests_space(space, before)
            exec(tests, theirs)
            if kind == "check":
                theirs["check"](eval(entry_point, {**space, "__builtins__": dict(plain)}))
            say("passed")

    def finish():
        settrace(None)
        setprofile(None)
        if not main.get("answered"):
            return
        try:
            after()
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


@dataclass(frozen=True)
class Said:
    """What the program's own part reported after its mark: one word and a text."""

    word: str
    text: str


def program(answer: str, tests: Tests, mark: str) -> str:
    """The source that the sandbox runs once a case. Only for `stdin` is the answer's `__name__` the main one."""
    if tests.kind == "stdin":
        if not tests.setup:
            return answer
        names = {"kind": tests.kind, "setup": tests.setup, "mark": mark}
        return PROGRAM.format(driver=DRIVER, names=names, answer=answer, module="__main__")
    names = {"kind": tests.kind, "setup": tests.setup, "entry_point": tests.entry_point}
    return PROGRAM.format(driver=DRIVER, names=names, answer=answer, module="answer") + AFTER


def inputs(tests: Tests, mark: str) -> tuple[str, ...]:
    """What the program reads, a case each: for `stdin` the input, else the mark and what to do after the answer."""
    if tests.kind == "stdin":
        return tests.stdins
    if tests.kind == "call":
        return tuple(f"{mark}\ncall\n{tests.fn_name}\n({given}, {{}})" for given in tests.stdins)
    if tests.kind == "check":
        return (f"{mark}\ntests\n\n{tests.code}",)
    return tuple(
        f"{mark}\ntests\n\n{text}" if equality is None else f"{mark}\ncall\n{equality.name}\n{equality.given}"
        for text, equality in zip(tests.stdins, tests.equalities, strict=True)
    )


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
    if tests.kind == "asserts" and (equality := tests.equalities[place]) is not None:
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
