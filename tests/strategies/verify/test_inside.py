"""The link between an answer and its tests: what crosses it, and what does not."""

from __future__ import annotations

import builtins
import json
from collections import Counter, OrderedDict, defaultdict, namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ot_assets.strategies.verify import code
from ot_assets.strategies.verify.code_programs import SOURCES
from ot_assets.strategies.verify.verdict import one_line
from ot_resources.interfaces import Job, Sandbox
from ot_resources.sandboxes import open_sandbox

LINK: dict[str, Any] = {"PLAIN": vars(builtins), "__name__": "link"}
for part in ("values", "peer"):
    exec(compile(SOURCES[part], part, "exec"), LINK)


class Node:
    """As `setup` defines it; both sides have it."""

    def __init__(self, val: int, next: Any = None) -> None:
        self.val, self.next = val, next


Node.__module__ = "answer"
Pair = namedtuple("Pair", "a b")
CLASSES = {"Node": Node}


def packer(home: Any = ()) -> Any:
    return LINK["Packer"](CLASSES, lambda value: 7, LINK["Remote"], home)


def read(data: bytes, sent: Any = ()) -> Any:
    return LINK["Reader"](data, CLASSES, lambda *what: ("remote", *what), lambda number: ("own", number)).read(
        list(sent)
    )


def crossed(value: Any) -> Any:
    return read(packer().pack(value))[0]


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
scalars |= st.complex_numbers(allow_nan=False) | st.fractions() | st.decimals(allow_nan=False) | st.datetimes()
scalars |= st.dates() | st.timedeltas() | st.times()
hashed = st.recursive(scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=4), max_leaves=8)
values = st.recursive(
    hashed,
    lambda inner: (
        st.lists(inner) | st.tuples(inner) | st.dictionaries(hashed, inner, max_size=5) | st.sets(hashed, max_size=4)
    ),
    max_leaves=30,
)


@given(values)
def test_values_cross_as_they_are(value: Any) -> None:
    assert crossed(value) == value
    assert repr(type(crossed(value))) == repr(type(value))


ODD = [float("nan"), -0.0, "\ud800", bytearray(b"ab"), range(2, 9, 3), {3: 0, 1: 0}.keys(), {1: [2]}.items()]
ODD += [{1: [2], 2: [2]}.values(), Counter("aab"), OrderedDict(b=1, a=2), defaultdict(list, a=[1]), Pair(1, [2]), int]
ODD += [ValueError]


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_odd_values_cross(value: Any) -> None:
    assert repr(crossed(value)) == repr(value)
    assert type(crossed(value)).__name__ == type(value).__name__


def test_large_whole_numbers_cross() -> None:
    assert crossed([-(2**90_000)]) == [-(2**90_000)]


def test_shared_and_cyclic_values_keep_their_shape() -> None:
    inner: list[Any] = [1]
    inner.append(inner)
    one, two, own = crossed([inner, inner, (inner,)])
    assert one is two
    assert own == (one,)
    assert one[1] is one


def test_a_long_chain_of_objects_crosses() -> None:
    head = None
    for number in range(20_000):
        head = Node(number, head)
    found, length = crossed(head), 0
    while found is not None:
        found, length = found.next, length + 1
    assert length == 20_000


def test_what_is_done_to_an_argument_is_seen() -> None:
    node, table = Node(1), {"a": [1]}
    there = packer()
    data = there.pack((node, table, "x"))
    nodes = read(data)[1]  # the answer's side: all that it was sent, the arguments first
    nodes[1].next, nodes[2]["b"] = nodes[1], 5
    reply = packer(nodes)
    value, _ = read(reply.pack(nodes[2]), there.queue)
    assert value is table
    assert table == {"a": [1], "b": 5}
    assert node.next is node


@given(st.binary(max_size=60))
def test_what_is_no_message_is_broken_and_nothing_else(data: bytes) -> None:
    for text in (data, b"0;1;r0;" + data, b"0;2;r0;U1;r1;U1;r0;"):
        try:
            read(text)
        except LINK["Broken"]:
            pass


def test_a_tuple_that_holds_itself_is_broken() -> None:
    with pytest.raises(LINK["Broken"], match="holds itself"):
        read(b"0;2;r0;U1;r1;U1;r0;")


def test_a_class_that_setup_does_not_have_is_broken() -> None:
    with pytest.raises(LINK["Broken"]):
        read(b"0;1;r0;O1;s3;int")


# Below, answers and tests in the sandbox.


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with open_sandbox("process") as opened:
        yield opened


def judged(sandbox: Sandbox, answer: str, tests: dict[str, Any], seconds: float = 10.0) -> tuple[str, str]:
    row = {"answer": f"```python\n{answer}\n```", "tests": json.dumps(tests)}
    [judgement] = code.judge_rows([row], sandbox, Job("", seconds=seconds))
    return judgement.verdict.value, judgement.reason


def checked(code: str, entry_point: str = "f", setup: str = "") -> dict[str, Any]:
    body = "\n".join(f"    {line}" for line in code.splitlines())
    return {"kind": "check", "code": f"def check(candidate):\n{body}", "entry_point": entry_point, "setup": setup}


LISTS = """
class ListNode:
    def __init__(self, val=0, next=None):
        self.val = val
        self.next = next
def build(values):
    head = None
    for value in reversed(values):
        head = ListNode(value, head)
    return head
def spelled(head):
    found = []
    while head:
        found.append(head.val)
        head = head.next
    return found
"""
SOLVED = {
    "lists of nodes": (
        "class Solution:\n    def reverse(self, head):\n        last = None\n        while head:\n"
        "            head.next, last, head = last, head, head.next\n        return last",
        checked("assert spelled(candidate(build([1, 2, 3]))) == [3, 2, 1]", "Solution().reverse", LISTS),
    ),
    "the answer's own class of that name": (
        "class ListNode:\n    def __init__(self, val, next=None):\n        self.val, self.next = val, next\n"
        "def f(n):\n    return ListNode(n, ListNode(n + 1))",
        checked("assert spelled(candidate(4)) == [4, 5]", "f", LISTS),
    ),
    "in place": (
        "def f(a):\n    a.sort()\n    a.append(9)",
        checked("a = [3, 1]\ncandidate(a)\nassert a == [1, 3, 9]"),
    ),
    "the same object back": ("def f(a):\n    return a", checked("a = [1]\nassert candidate(a) is a")),
    "a function given": (
        "def f(g, n):\n    return [g(i) for i in range(n)]",
        checked("assert candidate(lambda x: x * x, 4) == [0, 1, 4, 9]"),
    ),
    "a function returned": ("def f(n):\n    return lambda x: x + n", checked("assert candidate(3)(4) == 7")),
    "a generator": (
        "def f():\n    n = 0\n    while True:\n        yield n\n        n += 1",
        checked(
            "found = candidate()\nassert [next(found) for _ in range(3)] == [0, 1, 2]\nassert next(iter(found)) == 3"
        ),
    ),
    "an object with state": (
        "class Stack:\n    def __init__(self):\n        self.held = []\n    def push(self, x):\n"
        "        self.held.append(x)\n"
        "    def pop(self):\n        return self.held.pop()\n    def __len__(self):\n        return len(self.held)",
        checked(
            "s = candidate()\ns.push(4)\ns.push((5, 6))\nassert len(s) == 2\nassert s.pop() == (5, 6)"
            "\nassert s.held == [4]",
            "Stack",
        ),
    ),
    "an error that is wanted": (
        "def f(n):\n    if n < 0:\n        raise ValueError('negative')\n    return n",
        checked(
            "try:\n    candidate(-1)\n    assert False\nexcept ValueError as error:\n"
            "    assert str(error) == 'negative'"
        ),
    ),
    "what the answer imports": (
        "import math\nfrom math import isclose\ndef f(n):\n    return math.sqrt(n)",
        {"kind": "asserts", "asserts": ["assert isclose(f(2), math.sqrt(2))", "assert f(4) == 2"]},
    ),
    "a helper of the answer's": (
        "def half(n):\n    return n // 2\ndef f(n):\n    return half(n)",
        {"kind": "asserts", "asserts": ["assert half(5) == f(5)", "assert all(half(n) == n // 2 for n in range(5))"]},
    ),
    "a sketch that the answer fills in": (
        "def f(n):\n    return n + 1",
        {"kind": "asserts", "asserts": ["x = f(1)\nassert x == 2"], "setup": 'def f(n):\n    """One more."""\n'},
    ),
    "keywords and defaults": (
        "def f(a, *, b=2):\n    return a * b",
        checked("assert candidate(3, b=4) + candidate(1) == 14"),
    ),
    "what it prints, where the tests look": (
        "def f(n):\n    print(n, 'times')",
        checked(
            "import io, contextlib\nout = io.StringIO()\nwith contextlib.redirect_stdout(out):\n    candidate(3)"
            "\nassert out.getvalue() == '3 times\\n'"
        ),
    ),
    "types and enums": (
        "def f(kind, colour):\n    return [isinstance(3, kind), colour is Colour.RED, Colour.BLUE, kind]",
        checked(
            "assert candidate(int, Colour.RED) == [True, True, Colour.BLUE, int]",
            setup="import enum\nclass Colour(enum.Enum):\n    RED = 1\n    BLUE = 2",
        ),
    ),
    "named tuples and counters": (
        "from collections import Counter, namedtuple\nPoint = namedtuple('Point', 'x y')\n"
        "def f(s):\n    return Point(1, Counter(s))",
        checked("p = candidate('aab')\nassert p.x == 1 and p.y.most_common(1) == [('a', 2)]"),
    ),
    "a callback that may be missing": (
        "def f(values, key=None):\n    key = key or (lambda x: x)\n    return sorted(values, key=key)",
        checked(
            "assert candidate([1, -2]) == [-2, 1]\nassert candidate([1, -2], key=abs) == [1, -2]"
            "\nassert candidate([1, -2], key=lambda x: -x) == [1, -2]"
        ),
    ),
    "a generator given": ("def f(g):\n    return list(g)", checked("assert candidate(x for x in 'ab') == ['a', 'b']")),
    "keys in order": ("def f(d):\n    return d.keys()", checked("assert list(candidate({3: 1, 1: 1})) == [3, 1]")),
    "the same object each time": (
        "class S:\n    def __new__(cls):\n        cls.one = getattr(cls, 'one', None) or object.__new__(cls)\n"
        "        return cls.one",
        checked("assert candidate() is candidate()", "S"),
    ),
    "an error with its parts": (
        "def f(n):\n    raise KeyError('k', n)",
        checked("try:\n    candidate(3)\nexcept KeyError as error:\n    assert error.args == ('k', 3)"),
    ),
    "an exit that is wanted": (
        "import sys\ndef f(n):\n    sys.exit(n)",
        checked("try:\n    candidate(3)\n    assert False\nexcept SystemExit as error:\n    assert error.code == 3"),
    ),
    "a dict that shrinks under a loop": (
        "def f(d, k):\n    return d[k]",
        checked(
            "d = {i: i for i in range(50)}\nfor i in range(20):\n    del d[i]\nseen = 0\n"
            "for k in d:\n    seen += candidate(d, k) == k\nassert seen == 30"
        ),
    ),
    "prints what it likes": ("def f():\n    print('x' * 1000000)\n    return 1", checked("assert candidate() == 1")),
}


@pytest.mark.parametrize("name", SOLVED)
def test_tests_mean_across_the_pipe_what_they_mean_in_one_process(sandbox: Sandbox, name: str) -> None:
    verdict, reason = judged(sandbox, *SOLVED[name])
    assert verdict == "right", reason


# Whatever an answer may do in its own process, of these it knows no value that the tests expect.
SECRET = checked(
    "assert candidate(2) == 48611\nassert candidate(3) != candidate(2)\nassert abs(candidate(5) - 0.25) < 1e-9"
)
LIES = """
class Liar:
    def __init__(self, *given): pass
    def lie(self, *given): return self
    def yes(self, *given): return True
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __ne__ = __bool__ = __contains__ = yes
    __sub__ = __rsub__ = __abs__ = __add__ = __getitem__ = __call__ = lie
    __hash__ = lambda self: 0
"""
SEARCH = """
import gc, sys, os
def f(n):
    import ctypes, re
    found = []
    for thing in gc.get_objects():
        if isinstance(thing, (str, bytes)) and "486" + "11" in str(thing):
            found.append(thing)
    frame = sys._getframe()
    while frame:
        found += [v for v in (*frame.f_locals.values(), *frame.f_globals.values()) if "486" + "11" in str(v)[:10**6]]
        frame = frame.f_back
    return 48611 if found else 0
"""
MEMORY = """
def f(n):
    # every readable page of this process
    import ctypes
    wanted = ("486" + "11").encode()
    base = id(wanted) & ~0xFFF
    for page in range(base - (1 << 22), base + (1 << 22), 4096):
        pass
    for name in ("/proc/self/mem", "/proc/self/maps"):
        try:
            open(name, "rb").read(100)
            return 48611
        except OSError:
            pass
    return 0
"""
OTHERS = """
import os
def f(n):
    for pid in range(1, 50):
        for name in ("mem", "fd/0", "cmdline", "environ"):
            try:
                if b"486" + b"11" in open(f"/proc/{pid}/{name}", "rb").read(1 << 20):
                    return 48611
            except OSError:
                pass
    return 0
"""
HOSTILE = {
    "an object that lies": LIES + "def f(n): return Liar()",
    "a float that lies": "class Odd(float):\n    __eq__ = __lt__ = lambda *given: True\n"
    "    __sub__ = lambda *given: 0.0\n"
    "def f(n): return Odd(1)",
    "a list that lies": "class Odd(list):\n    __eq__ = lambda *given: True\n    __hash__ = None\n"
    "def f(n): return Odd()",
    "searches its process": SEARCH,
    "reads its own memory": MEMORY,
    "reads the others'": OTHERS,
    "writes on the pipe": "import os\ndef f(n):\n    os.write(4, (7).to_bytes(8, 'big') + b'is 0;0;T')\n"
    "    return True",
    "says passed": "import os\nfor fd in (1, 2, 4):\n    os.write(fd, b'\\npassed \\n"
    "0000000000000000 passed \\n')\ndef f(n): return 0",
    "ends": "import os\nos._exit(0)",
    "ends when it is called": "import os\ndef f(n): os._exit(0)",
    "ends politely": "import sys\ndef f(n): sys.exit(0)",
    "closes the pipe": "import os\ndef f(n):\n    os.close(3)\n    os.close(4)",
    "half a message": "import os\ndef f(n):\n    os.write(4, (1000).to_bytes(8, 'big') + b'is ')\n    os._exit(0)",
    "a message without end": "import os\ndef f(n):\n    os.write(4, (1 << 62).to_bytes(8, 'big'))\n    return 0",
    "raises what the tests catch": "def f(n): raise AssertionError('passed')",
    "an exit as an error": "def f(n): raise SystemExit(0)",
    "a generator's end": "def f(n): raise StopIteration",
    "patched everything": "import builtins, json, sys\n"
    "for name in ('abs', 'eval', 'exec', 'compile', 'len', 'print'):\n"
    "    setattr(builtins, name, lambda *given: True)\ndef f(n): return True",
    "a check of its own": "def check(candidate): pass\ndef f(n): return 0",
    "a module of the tests'": "open('traceback.py', 'w').write('raise SystemExit(0)')\n"
    "open('datetime.py', 'w').write('')\n"
    "def f(n):\n    import datetime\n    return 0",
    "asks back for the tests": "import __main__\ndef f(n):\n    peer = __import__('gc').get_objects()\n"
    "    link = [p for p in peer if type(p).__name__ == 'Candidate']\n"
    "    return link[0].ask('name', 'check') or link[0].ask('attribute', 0, '__globals__')",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_lie_crosses(sandbox: Sandbox, name: str) -> None:
    assert judged(sandbox, HOSTILE[name], SECRET)[0] == "wrong"


def test_that_could_be_passed(sandbox: Sandbox) -> None:
    assert judged(sandbox, "def f(n): return {2: 48611, 3: 1, 5: 0.25}[n]", SECRET)[0] == "right"


PAY = """
import sys, os
frame = sys._getframe()
while frame:
    if 'mark' in frame.f_locals:
        os.write(1, ('\\n' + frame.f_locals['mark'] + ' passed \\n').encode())
        os._exit(0)
    frame = frame.f_back
"""


def asserts(*texts: str, setup: str = "") -> dict[str, Any]:
    return {"kind": "asserts", "asserts": list(texts), "setup": setup}


BOX = """
class Box:
    def __init__(self, held=0):
        self.held = held
    def same(self, other):
        return self.held == other.held
"""
TURNED: dict[str, tuple[str, dict[str, Any]]] = {
    "exec under test": (f"decode = exec\nencode = lambda s: {PAY!r}", asserts("assert decode(encode('a')) == 'a'")),
    "a program in the shared folder": (
        f"open('3 + 4', 'w').write({PAY!r})\nfrom runpy import run_path as calc",
        asserts("assert abs(calc('3 + 4') - 7) < 1e-9"),
    ),
    "something that equals all": ("from unittest.mock import ANY as f", asserts("x = f\nassert x == [1, 2, 3]")),
    "exec as a helper": (f"decode = exec\nf = lambda n: {PAY!r}", checked("assert decode(candidate('a')) == 'b'")),
    "a math of its own": (
        "class math:\n    isclose = staticmethod(lambda *a, **k: True)\ndef f(n): return 0",
        asserts("assert math.isclose(f(2), 1.414, rel_tol=1e-3)"),
    ),
    "a constant of setup's": (
        "def target(): return 0\ndef f(n): return 0",
        checked("assert candidate(2) == target()", setup="def target():\n    return 48611"),
    ),
    "the end of a loop": (
        "def f(n): raise StopIteration",
        checked("assert all(map(lambda c: candidate(c[0]) == c[1], [(1, 2), (2, 3)]))"),
    ),
    "a method in an object": (
        "def f(n):\n    b = Box()\n    b.same = lambda o: True\n    return b",
        checked("assert candidate(2).same(Box(48611))", setup=BOX),
    ),
    "a large number as a float": ("print('123456700.0')", {"kind": "stdin", "inputs": [""], "outputs": ["123456789"]}),
    "a large number returned as one": (
        "def f(): return 123456700.0",
        {"kind": "call", "fn_name": "f", "inputs": [[]], "outputs": [123456789]},
    ),
}


@pytest.mark.parametrize("name", TURNED)
def test_the_tests_cannot_be_turned(sandbox: Sandbox, name: str) -> None:
    verdict, reason = judged(sandbox, *TURNED[name])
    assert verdict == "wrong", reason


BLAMES = """
import gc
for thing in gc.get_objects():
    if getattr(thing, '__name__', '') == 'say':
        thing('broken', 'setup: forged')
        import os
        os._exit(1)
"""


def test_an_answer_cannot_blame_its_question(sandbox: Sandbox) -> None:
    call = {"kind": "call", "fn_name": "f", "inputs": [[1]], "outputs": [1]}
    told = "the program says that its tests are broken, which they are not"
    assert judged(sandbox, BLAMES, call) == ("wrong", told)
    assert judged(sandbox, BLAMES, call | {"setup": "1 / 0"})[0] == "error"
    assert judged(sandbox, "def f(n): return n", call | {"setup": "1 / 0"})[0] == "error"


def test_a_reason_holds_no_codes_for_a_terminal(sandbox: Sandbox) -> None:
    _, reason = judged(sandbox, "def f(n): raise ValueError('\\x1b[2J\\x07|\\u202e')", SECRET)
    assert one_line(reason) == "ValueError: \ufffd[2J\ufffd|\ufffd"


def test_tests_without_a_check_are_the_questions_fault(sandbox: Sandbox) -> None:
    verdict, reason = judged(sandbox, "def f(n): return 0", {"kind": "check", "code": "x = 1", "entry_point": "f"})
    assert (verdict, reason) == ("error", "tests: 'code' defines no check(candidate)")


CALLBACK = checked("secret = [48611]\ndef given(n):\n    return n\nassert candidate(given) == secret[0]")


@pytest.mark.parametrize("way", ["g.__globals__", "g.__code__.co_consts", "g.__closure__", "vars(g)", "g.secret"])
def test_a_function_that_the_tests_give_shows_nothing(sandbox: Sandbox, way: str) -> None:
    verdict, reason = judged(sandbox, f"def f(g):\n    return {way}", CALLBACK)
    assert verdict == "wrong", reason


def test_an_answer_that_hangs_is_a_timeout(sandbox: Sandbox) -> None:
    assert judged(sandbox, "def f(n):\n    while True: pass", SECRET, seconds=1.0)[0] == "timeout"


def test_too_much_memory_is_told(sandbox: Sandbox) -> None:
    verdict, reason = judged(sandbox, "def f(n):\n    return bytearray(10**10)", SECRET)
    assert (verdict, "memory" in reason) == ("wrong", True), reason


def test_the_reason_says_which_test_and_what_was_raised(sandbox: Sandbox) -> None:
    assert judged(sandbox, "def f(n): return 0", SECRET)[1] == "failed: assert candidate(2) == 48611"
    assert judged(sandbox, "def f(n): return [][1]", SECRET)[1] == "IndexError: list index out of range"
    assert judged(sandbox, "def g(n): return 0", SECRET)[1] == "NameError: name 'f' is not defined"
    assert judged(sandbox, "def f(n: return 0", SECRET)[1].startswith("SyntaxError")


def test_setup_that_fails_is_the_questions_fault(sandbox: Sandbox) -> None:
    verdict, reason = judged(sandbox, "def f(n): return 0", SECRET | {"setup": "1 / 0"})
    assert (verdict, reason.startswith("the question's setup: ZeroDivisionError")) == ("error", True)


def test_every_part_is_there_as_a_file() -> None:
    folder = Path(code.__file__).with_name("inside")
    assert {file.stem for file in folder.glob("*.py")} == set(SOURCES)
