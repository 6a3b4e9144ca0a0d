from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ot_assets.strategies import apply
from ot_assets.strategies.verify.code_tests import same_output, same_value
from ot_resources.interfaces import Sandbox
from ot_resources.sandboxes import open_sandbox

from ..frames import shared


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with open_sandbox("process") as opened:
        yield opened


def fenced(program: str, language: str = "python") -> str:
    return f"I would write\n```{language}\n{program}\n```\nThat is all."


def verify(sandbox: Sandbox, *rows: tuple[str | None, Any], **params: Any) -> list[tuple[str, str]]:
    """Verdict and reason of each (answer, tests); tests that are no text are written as JSON."""
    tests = [t if isinstance(t, str | None) else json.dumps(t) for _, t in rows]
    frame = pl.DataFrame(
        {"answer": [a for a, _ in rows], "tests": tests}, schema=dict.fromkeys(("answer", "tests"), pl.String)
    )
    out = apply("verify.code", frame, sandbox=sandbox, **params).kept.collect()
    return list(zip(out["verdict"], out["verdict_reason"], strict=True))


STDIN = {"kind": "stdin", "inputs": ["1 2\n", "3 4\n"], "outputs": ["3\n", "7\n"]}
CALL = {"kind": "call", "fn_name": "add", "inputs": [[1, 2], [3, 4]], "outputs": [3, 7]}
ASSERTS = {"kind": "asserts", "asserts": ["assert add(1, 2) == 3", "assert add(3, 4) == 7"]}
CHECK = {
    "kind": "check",
    "entry_point": "add",
    "code": "def check(f):\n    assert f(1, 2) == 3\n    assert f(3, 4) == 7",
}
SCRIPT = "a, b = map(int, input().split())\nprint({})"
FUNCTION = "def add(a, b):\n    return {}"

PROGRAMS = [(STDIN, SCRIPT), (CALL, FUNCTION), (ASSERTS, FUNCTION), (CHECK, FUNCTION)]


@pytest.mark.parametrize(("tests", "template"), PROGRAMS, ids=["stdin", "call", "asserts", "check"])
def test_every_kind_tells_right_from_wrong(sandbox: Sandbox, tests: dict[str, Any], template: str) -> None:
    right, half = fenced(template.format("a + b")), fenced(template.format("a + b + (a > 2)"))
    slow = fenced(template.format("a + b") + "\nwhile True: pass")
    answers = [
        right,
        half,
        fenced("def add(:"),
        fenced("x = 1"),
        slow,
        fenced("import sys; sys.exit(0)"),
        fenced("1/0"),
    ]
    judged = verify(sandbox, *[(answer, tests) for answer in answers], seconds=1.0)
    assert [verdict for verdict, _ in judged] == ["right", "wrong", "wrong", "wrong", "timeout", "wrong", "wrong"]


def test_reasons_name_the_test_and_what_happened(sandbox: Sandbox) -> None:
    wrong = fenced(FUNCTION.format("a + b + (a > 2)"))
    rows = [
        (wrong, CALL),
        (wrong, ASSERTS),
        (wrong, CHECK),
        (fenced(SCRIPT.format("a + b + (a > 2)")), STDIN),
        (fenced("def ad(a, b): pass"), CALL),
        (fenced("def add(:"), CALL),
        (fenced("def add(a, b):\n    return object()"), CALL),
        (fenced("import os\nos._exit(0)"), CHECK),
        (fenced(FUNCTION.format("[0] * 10**10")), CALL),
    ]
    wanted = [
        "test 2 of 2: expected 7, got 8",
        "test 2 of 2: failed: assert add(3, 4) == 7",
        "failed: assert f(3, 4) == 7",
        "test 2 of 2: expected '7', got '8'",
        "test 1 of 2: there is no function 'add'",
        "test 1 of 2: SyntaxError: invalid syntax",
        "test 1 of 2: returned what JSON cannot hold: object",
        "the program ended before its tests",
        "test 1 of 2: stopped: more than 512 MB of memory",
    ]
    assert verify(sandbox, *rows) == [("wrong", reason) for reason in wanted]


def test_the_four_defects_of_the_published_judge(sandbox: Sandbox) -> None:
    """OpenThoughts-114k's judge passed all of these, and a wrong answer among twenty passes under any truthiness."""
    lines = {"kind": "stdin", "inputs": [""], "outputs": ["1\n0\n0\n1\n"]}
    twenty = {"kind": "call", "fn_name": "add", "inputs": [[n, 0] for n in range(20)], "outputs": list(range(20))}
    rows = [
        (fenced("def add(a, b) return a"), CALL),
        (fenced("def other(a, b): return a + b"), CALL),
        (fenced("while True: pass"), STDIN),
        (fenced("print('0\\n1')"), lines),
        (fenced("print('0\\n0\\n1\\n1')"), lines),
        (fenced(FUNCTION.format("a if a != 13 else 0")), twenty),
    ]
    judged = verify(sandbox, *rows, seconds=1.0)
    assert [v for v, _ in judged] == ["wrong", "wrong", "timeout", "wrong", "wrong", "wrong"]
    assert judged[-1][1] == "test 14 of 20: expected 13, got 0"


def test_fail_open_passes_what_the_published_judge_passed_and_says_why(sandbox: Sandbox) -> None:
    rows = [
        (fenced("def add(a, b) return a"), CALL),
        (fenced("def other(a, b): return a + b"), CALL),
        (fenced("def other(a, b): return a + b"), CHECK),
        (fenced("while True: pass"), STDIN),
        (fenced("print('0\\n1')"), STDIN),
        (fenced(FUNCTION.format("eval('a +')")), CALL),
        (fenced(FUNCTION.format("c")), CALL),
        (fenced(FUNCTION.format("a + b")), CALL),
        ("no program", CALL),
        (fenced(FUNCTION.format("a + b")), "broken"),
    ]
    judged = verify(sandbox, *rows, seconds=1.0, compat="fail_open")
    assert [v for v, _ in judged] == ["right"] * 4 + ["wrong"] * 3 + ["right", "unparsed", "error"]
    assert judged[0][1] == "compat fail_open: wrong: test 1 of 2: SyntaxError: expected ':'"
    assert judged[1][1] == "compat fail_open: wrong: test 1 of 2: there is no function 'add'"
    assert judged[2][1] == "compat fail_open: wrong: NameError: name 'add' is not defined"
    assert judged[3][1].startswith("compat fail_open: timeout: test 1 of 2: ")
    assert judged[7][1] == "passed 2 of 2 tests"


def test_fail_open_still_counts_a_wrong_answer_beside_a_timeout(sandbox: Sandbox) -> None:
    rows = [
        (fenced("def add(a, b):\n    while a == 1: pass\n    return a + b"), CALL),
        (fenced("def add(a, b):\n    while a == 1: pass\n    return 0"), CALL),
    ]
    judged = verify(sandbox, *rows, seconds=1.0, all_tests=True, compat="fail_open")
    assert [v for v, _ in judged] == ["right", "wrong"]


def test_all_tests_are_counted_when_asked(sandbox: Sandbox) -> None:
    tests = {"kind": "call", "fn_name": "add", "inputs": [[n, 0] for n in range(5)], "outputs": [0, 1, 0, 3, 0]}
    [judged] = verify(sandbox, (fenced(FUNCTION.format("a // (a - 2)")), tests), all_tests=True)
    assert judged[1].startswith("3 of 5 tests failed; test 2 of 5: ")


@pytest.mark.parametrize(
    ("answer", "verdict", "told"),
    [
        (None, "unparsed", "no code block in the answer"),
        ("I cannot.", "unparsed", "no code block in the answer"),
        ("42", "unparsed", "no code block in the answer"),
        (fenced(""), "unparsed", "the last code block is empty"),
        (fenced("int main() {}", "cpp"), "unparsed", "the last code block is cpp, not Python"),
        (fenced("broken(") + fenced(FUNCTION.format("a + b")), "right", "passed 2 of 2 tests"),
        (fenced(FUNCTION.format("a + b")) + fenced("broken("), "wrong", "SyntaxError"),
        (fenced(FUNCTION.format("a + b"), ""), "right", "passed"),
        (fenced(FUNCTION.format("a + b"), "Python3"), "right", "passed"),
        (
            f"1. So\n   ```python\n   {FUNCTION.format('a + b')}\n   ```".replace("\n    return", "\n       return"),
            "right",
            "",
        ),
        (FUNCTION.format("a + b"), "right", "passed"),
        (f"```python\n{FUNCTION.format('a + b')}", "right", "passed"),
        (fenced("from __future__ import annotations\n" + FUNCTION.format("a + b")), "right", "passed"),
        (fenced("class Solution:\n    def add(self, a, b): return a + b"), "right", "passed"),
        (fenced("print('noise', end='')\nlist = str = 3\n" + FUNCTION.format("a + b")), "right", "passed"),
        (fenced("import sys\nsys.stdout.close()\n" + FUNCTION.format("a + b")), "right", "passed"),
    ],
)
def test_which_program_is_run(sandbox: Sandbox, answer: str | None, verdict: str, told: str) -> None:
    [judged] = verify(sandbox, (answer, CALL))
    assert judged[0] == verdict, judged
    assert told in judged[1]


@pytest.mark.parametrize(
    ("tests", "verdict", "told"),
    [
        (None, "unavailable", "no tests"),
        ("", "unavailable", "no tests"),
        ("{", "error", "tests: not JSON"),
        ("[]", "error", "tests: not a JSON object but empty"),
        ({"kind": "magic"}, "error", "tests: kind 'magic' is unknown; there is: stdin, call, asserts, check"),
        ({**CALL, "inputs": [], "outputs": []}, "error", "'inputs' is empty"),
        ({**CALL, "outputs": [3]}, "error", "2 inputs but 1 outputs"),
        ({**CALL, "inputs": [[1, 2], 3]}, "error", "inputs[1] is not a list of arguments but a number"),
        ({**CALL, "fn_name": None}, "error", "'fn_name' is not text but missing"),
        ({**STDIN, "outputs": ["3", 7]}, "error", "outputs[1] is not text but a number"),
        ({**ASSERTS, "asserts": ["assert ("]}, "error", "the question's tests: SyntaxError"),
        ({**CHECK, "code": "def check("}, "error", "the question's tests: SyntaxError"),
        ({**CALL, "setup": "import nothing_like_it"}, "error", "the question's setup: ModuleNotFoundError"),
        ({**CALL, "setup": "zero = 0"}, "right", "passed"),
    ],
)
def test_tests_that_cannot_be_used(sandbox: Sandbox, tests: Any, verdict: str, told: str) -> None:
    [judged] = verify(sandbox, (fenced(FUNCTION.format("a + b")), tests))
    assert judged[0] == verdict, judged
    assert told in judged[1]


def test_values_that_a_call_returns(sandbox: Sandbox) -> None:
    values = [
        "(1, [2, (3,)])",
        "{1: 'a', 'b': None}",
        "0.1 + 0.2",
        "float('inf')",
        "'é\\n\\ud800\"'",
        "True",
        "-10**30",
    ]
    outputs = [[1, [2, [3]]], {"1": "a", "b": None}, 0.3, math.inf, 'é\n\ud800"', True, -(10**30)]
    tests = {"kind": "call", "fn_name": "f", "inputs": [[n] for n in range(len(values))], "outputs": outputs}
    [judged] = verify(sandbox, (fenced(f"def f(n):\n    return [{', '.join(values)}][n]"), tests))
    assert judged == ("right", f"passed {len(values)} of {len(values)} tests")


MAIN_BLOCKS = [
    "print(add(*map(int, input().split())))",
    "import unittest\n    unittest.main()",
    "import sys\n    sys.exit(0)",
    "raise RuntimeError",
]


@pytest.mark.parametrize("block", MAIN_BLOCKS)
@pytest.mark.parametrize("tests", [CALL, ASSERTS, CHECK], ids=["call", "asserts", "check"])
def test_a_main_block_is_not_run_where_a_function_is_wanted(sandbox: Sandbox, tests: Any, block: str) -> None:
    answer = FUNCTION.format("a + b") + f"\n\nif __name__ == '__main__':\n    {block}"
    assert verify(sandbox, (fenced(answer), tests))[0][0] == "right"


def test_a_main_block_is_run_where_a_program_is_wanted(sandbox: Sandbox) -> None:
    answer = fenced("if __name__ == '__main__':\n    " + SCRIPT.format("a + b").replace("\n", "\n    "))
    judged = verify(sandbox, (answer, STDIN), (answer, {**STDIN, "setup": "import math"}))
    assert [verdict for verdict, _ in judged] == ["right", "right"]


def test_an_answer_has_a_module(sandbox: Sandbox) -> None:
    answer = """
from __future__ import annotations
import pickle, sys, typing
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
@dataclass
class Point:
    x: int
    y: list[int] = field(default_factory=list)
def add(a, b):
    assert typing.get_type_hints(Point)["x"] is int
    assert pickle.loads(pickle.dumps(Point(a))) == Point(a)
    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(int, [a, b]))
"""
    judged = verify(sandbox, *[(fenced(answer), tests) for tests in (CALL, ASSERTS, CHECK)])
    assert [verdict for verdict, _ in judged] == ["right"] * 3, judged


@pytest.mark.parametrize(
    ("text", "body", "verdict"),
    [
        ("assert f(1) == (1, 2)", "return (a, 2)", "right"),
        ("assert f(1) == (1, 2)", "return [a, 2]", "wrong"),
        ("assert f(1) == [1, (2,)]", "return [a, (2,)]", "right"),
        ("assert f(1) == {1, 2}", "return frozenset((1, 2))", "right"),
        ("assert f(1) == set()", "return set()", "right"),
        ("assert f(1) == {'a': 2}", "from collections import Counter\n    return Counter('aa')", "right"),
        ("assert f(1) == {1: 'b', None: ()}", "return {1: 'b', None: ()}", "right"),
        ("assert f(1) == {'1': 'b'}", "return {1: 'b'}", "wrong"),
        (
            "assert f(1) == (1, 2)",
            "from collections import namedtuple\n    return namedtuple('P', 'x y')(1, 2)",
            "right",
        ),
        ("assert f(1) == 0.5", "from fractions import Fraction\n    return Fraction(1, 2)", "right"),
        ("assert f(1) == 3", "from decimal import Decimal\n    return Decimal(3)", "right"),
        ("assert f(1) == 0.3", "return 0.1 + 0.2", "wrong"),
        ("assert f(a=[1, -2]) == -3, 'no'", "return sum(a) - 2", "right"),
        ("assert f({'x': b'y'}) == b'y'", "return a['x']", "right"),
        ("assert f(float('inf')) == float('inf')", "return a", "right"),
        ("assert f(1e999) == 1e999", "return a", "right"),
        ("assert sorted([2, 1]) == [1, 2]", "return a", "right"),
        ("assert abs(f(0.1) - 0.1) < 1e-9", "return a", "right"),
        ("assert f(1) == None", "return None", "right"),
        ("assert f(1) == 1", "return True", "right"),
        ("assert f('\u00e9\\ud800\\n') == '\u00e9\\ud800\\n'", "return a", "right"),
        ("assert f(1) == 1", "return iter([1])", "wrong"),
        ("x = f(1)\nassert x == 1", "return a", "right"),
    ],
)
def test_asserts_mean_what_they_mean_in_python(sandbox: Sandbox, text: str, body: str, verdict: str) -> None:
    judged = verify(sandbox, (fenced(f"def f(a):\n    {body}"), {"kind": "asserts", "asserts": [text]}))
    assert judged[0][0] == verdict, judged


LIAR = "class Liar:\n    __eq__ = lambda self, other: True\n"
FIND_MARK = """
import os, re, sys
texts = []
frame = sys._getframe()
while frame:
    texts += [repr(frame.f_locals), repr(frame.f_globals), repr(frame.f_code.co_consts)]
    for value in (*frame.f_locals.values(), *frame.f_globals.values()):
        for cell in getattr(value, "__closure__", None) or ():
            texts.append(repr(cell.cell_contents))
        texts.append(repr(getattr(value, "__dict__", "")))
    frame = frame.f_back
try:
    os.lseek(0, 0, os.SEEK_SET)
except OSError:
    pass
texts.append(sys.stdin.read())
for fd in range(64):
    try:
        texts.append(os.pread(fd, 100000, 0).decode())
    except OSError:
        pass
for mark in set(re.findall("[0-9a-f]{16}", " ".join(texts))):
    os.write(1, f"\\n{mark} passed \\n".encode())
os._exit(0)
"""
SORTED = {
    "kind": "check",
    "entry_point": "add",
    "setup": "import math\nfrom math import isclose\ndef same(a, b): return a == b",
    "code": "def check(f):\n    assert sorted([f(1, 2)]) == [3]\n    assert math.isclose(f(3, 4), 7)\n"
    "    assert isclose(f(3, 4), 7)\n    assert same(len([f(1, 2), 5]), 2) and same(f(1, 2), 3)",
}
WRONG = FUNCTION.format("0")
FORGED = {
    "an object that equals all": (LIAR + FUNCTION.format("Liar()"), ASSERTS),
    "the mark from below, asserts": (
        FIND_MARK,
        {"kind": "asserts", "asserts": ["assert add(1, 2) != 4", "assert add(1, 2) in (3,)"]},
    ),
    "the mark from below, check": (FIND_MARK, CHECK),
    "no exec": ("import builtins\nbuiltins.exec = builtins.eval = lambda *given: None\n" + WRONG, CHECK),
    "a compile that lies": ("import builtins\nbuiltins.compile = lambda *given: 'pass'\n" + WRONG, CHECK),
    "a sorted of its own": (
        LIAR + "def sorted(x): return Liar()\n" + FUNCTION.format("a + b if a == 3 else 0"),
        SORTED,
    ),
    "a sorted for all": (
        LIAR + "import builtins\nbuiltins.sorted = lambda x: Liar()\n" + FUNCTION.format("a + b if a == 3 else 0"),
        SORTED,
    ),
    "a math of its own": ("class math:\n    isclose = lambda *given: True\n" + FUNCTION.format("3"), SORTED),
    "an isclose of its own": ("isclose = lambda *given: True\n" + FUNCTION.format("3"), SORTED),
    "a same of its own": (
        "same = lambda *given: True\n" + FUNCTION.format("7 if b == 4 else n.pop()") + "\nn = [3, 3, 4][::-1]",
        SORTED,
    ),
    "a check of its own": ("def check(f): pass\n" + WRONG, CHECK),
    "answered": ("import sys\nsys.modules['__main__'].answered = True\n1 / 0", CHECK),
    "at exit": ("import atexit\natexit._clear()\n" + WRONG, CHECK),
    "a trace": ("import sys\nsys.settrace(lambda *given: sys._exit(0))\n" + WRONG, CHECK),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_is_not_right_cannot_say_that_it_is(sandbox: Sandbox, name: str) -> None:
    answer, tests = FORGED[name]
    [judged] = verify(sandbox, (fenced(answer), tests))
    assert judged[0] == "wrong", judged


def test_the_tests_above_can_be_passed(sandbox: Sandbox) -> None:
    judged = verify(sandbox, *[(fenced(FUNCTION.format("a + b")), tests) for tests in (SORTED, CHECK, ASSERTS)])
    assert [verdict for verdict, _ in judged] == ["right"] * 3, judged


def test_a_long_list_may_be_returned(sandbox: Sandbox) -> None:
    wanted = list(range(100_000))
    call = {"kind": "call", "fn_name": "f", "inputs": [[100_000]], "outputs": [wanted]}
    asserts = {"kind": "asserts", "asserts": [f"assert f(100000) == {wanted}"]}
    judged = verify(sandbox, *[(fenced("def f(n):\n    return list(range(n))"), tests) for tests in (call, asserts)])
    assert [verdict for verdict, _ in judged] == ["right", "right"], judged


def test_an_answer_of_ten_megabytes_is_run_as_any_other(sandbox: Sandbox) -> None:
    answer = f"X = '{'x' * 10_000_000}'\n" + FUNCTION.format("a + b if len(X) == 10_000_000 else 0")
    judged = verify(sandbox, *[(fenced(answer), tests) for tests in (CALL, CHECK)], seconds=20.0)
    assert [verdict for verdict, _ in judged] == ["right", "right"], judged


def test_large_outputs_pass(sandbox: Sandbox) -> None:
    tests = {"kind": "stdin", "inputs": [""], "outputs": ["7\n" * 400_000]}
    assert verify(sandbox, (fenced("print('7\\n' * 400_000)"), tests))[0][0] == "right"


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("3\n", "3", True),
        ("3", "3  \n\n", True),
        ("a b", "a  b", False),
        ("a", " a", False),
        ("1\n2", "2\n1", False),
        ("1\n1\n2", "1\n2", False),
        ("a\n\nb", "a\nb", False),
        ("0.5", "0.50000001", True),
        ("0.5", "0.50001", False),
        ("2", "2.0", True),
        ("1000000000000", "1000000000001", False),
        ("7", "07", False),
        ("1e3", "1000.0", True),
        ("inf", "Infinity", False),
        ("Yes", "yes", False),
        ("", "", True),
    ],
)
def test_same_output(expected: str, printed: str, same: bool) -> None:
    assert same_output(expected, printed) is same


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_a_value_equals_itself_through_json(value: Any) -> None:
    assert same_value(value, json.loads(json.dumps(value)))


@given(st.lists(st.integers(), min_size=2, max_size=6), st.data())
def test_lists_are_equal_only_in_order(values: list[int], data: st.DataObject) -> None:
    other = data.draw(st.permutations(values))
    assert same_value(values, other) == (values == other)
    assert same_output("\n".join(map(str, values)), "\n".join(map(str, other))) == (values == other)


def test_a_hundred_answers_take_seconds(sandbox: Sandbox) -> None:
    """The floor is for a busy machine of two cores; `make bench` has the real rate."""
    start = time.monotonic()
    judged = verify(sandbox, *[(fenced(FUNCTION.format("a + b")), CALL)] * 100)
    assert {verdict for verdict, _ in judged} == {"right"}
    assert time.monotonic() - start < 30


def test_leetcode_reference_solutions_are_right(sandbox: Sandbox) -> None:
    """And broken ones are not: each is run as it is, and with its results replaced."""
    rows = pl.read_parquet(shared("code_leetcode")).head(200).rows(named=True)
    tests = [
        {"kind": "check", "setup": r["orig_prompt"], "code": r["orig_test"], "entry_point": r["orig_entry_point"]}
        for r in rows
    ]
    judged = verify(sandbox, *zip((r["orig_response"] for r in rows), tests, strict=True), seconds=10.0)
    assert sum(verdict == "right" for verdict, _ in judged) >= 0.95 * len(rows), judged

    bare = verify(sandbox, *zip((r["answer"] for r in rows[:40]), tests, strict=False), seconds=10.0)
    assert sum(verdict == "right" for verdict, _ in bare) >= 0.95 * 40, bare

    broken = [r["answer"].replace("return ", "return not ") for r in rows[:40]]
    judged = verify(sandbox, *zip(broken, tests, strict=False), seconds=2.0)
    assert sum(verdict == "right" for verdict, _ in judged) <= 0.05 * 40, judged
