"""Answers that do not solve their task and attack whoever judges them, by every kind of test in every sandbox."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import polars as pl
import pytest

from ot_assets.strategies import apply
from ot_resources.interfaces import Sandbox
from ot_resources.sandboxes.docker import DockerSandbox
from ot_resources.sandboxes.process import ProcessSandbox

# Drawn anew each time, so that no answer can hold the sums.
A, B, C, D = (random.SystemRandom().randrange(10**6, 10**9) for _ in range(4))
ASKED = f"assert add({A}, {B}) == {A + B}"
TESTS = {
    "stdin": {"kind": "stdin", "inputs": [f"{A} {B}\n", f"{C} {D}\n"], "outputs": [f"{A + B}\n", f"{C + D}\n"]},
    "call": {"kind": "call", "fn_name": "add", "inputs": [[A, B], [C, D]], "outputs": [A + B, C + D]},
    "asserts": {"kind": "asserts", "asserts": [ASKED, f"assert add({C}, {D}) in [{C + D}]"]},
    "check": {
        "kind": "check",
        "setup": "import math",
        "entry_point": "add",
        "code": f"def check(f):\n    assert f({A}, {B}) == {A + B}\n"
        f"    assert sorted([f({C}, {D}), 0]) == [0, {C + D}]\n"
        f"    assert math.isclose(f({A}, {D}), {A + D}) and not f({C}, {B}) - {C + B} and isinstance(f(1, 2), int)",
    },
}
HONEST = """
import sys
def add(a, b):
    return a + b
if __name__ == "__main__":
    print(add(*map(int, input().split())))
"""
# What `add` returns, after what was done before.
RETURNS = "\ndef add(*given): return {}\nif __name__ == '__main__': print(add())"
LIAR = """
class Liar{base}:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __gt__ = __le__ = __ge__ = __contains__ = __lt__
    def __hash__(self): return 0
    def __bool__(self): return True
    def __sub__(self, other): return 0
    def __rsub__(self, other): return 0
    def __abs__(self): return 0
    def __float__(self): return 0.0
    def __repr__(self): return "True"
    __str__ = __repr__
"""
WORDS = "passed ok right True 1 is".split()
EVERYWHERE = """
import os, re, sys
texts = []
def look(value, depth=0):
    texts.append(repr(value))
    if depth < 3:
        for inner in list(getattr(value, "__dict__", {}).values())[:200]:
            look(inner, depth + 1)
        for cell in getattr(value, "__closure__", None) or ():
            look(cell.cell_contents, depth + 1)
frame = sys._getframe()
while frame:
    texts += [repr(frame.f_locals), repr(frame.f_globals), repr(frame.f_code.co_consts)]
    for value in (*frame.f_locals.values(), *frame.f_globals.values()):
        try: look(value)
        except Exception: pass
    frame = frame.f_back
import gc
for thing in gc.get_objects():
    if isinstance(thing, (dict, list, tuple)):
        try: texts.append(repr(thing)[:5000])
        except Exception: pass
for fd in range(64):
    try: texts.append(os.pread(fd, 100000, 0).decode(errors="replace"))
    except OSError: pass
"""
ANSWERS = {
    "an object that equals all": LIAR.format(base="") + RETURNS.format("Liar()"),
    "a number that equals all": LIAR.format(base="(int)") + RETURNS.format("Liar()"),
    "a float that equals all": LIAR.format(base="(float)") + RETURNS.format("Liar()"),
    "a text that equals all": LIAR.format(base="(str)") + RETURNS.format("Liar()"),
    "a list that equals all": LIAR.format(base="(list)") + RETURNS.format("Liar()"),
    "a class that equals all": LIAR.format(base="(type)") + RETURNS.format("Liar('x', (), {})"),
    "a mock": "from unittest.mock import ANY, MagicMock" + RETURNS.format("ANY"),
    "a mock in place of the function": "from unittest.mock import MagicMock as add",
    "not a number": RETURNS.format("float('nan')"),
    "itself": RETURNS.format("add"),
    "nothing": "pass",
    "exit": "import os\nos._exit(0)",
    "exit when called": "import os" + RETURNS.format("os._exit(0)"),
    "a polite exit": "import sys" + RETURNS.format("sys.exit(0)"),
    "exit at the end": "import atexit, os\natexit.register(os._exit, 0)" + RETURNS.format("0"),
    "an exception that ends all": "class E(BaseException): pass\n" + RETURNS.format("(_ for _ in ()).throw(E())"),
    "the end of an iteration": RETURNS.format("next(iter(()))"),
    "words on stdout": "".join(f"print({word!r})\n" for word in WORDS) + "import os\nos._exit(0)",
    "words on every descriptor": f"import os\nfor fd in range(64):\n    for word in {WORDS}:\n        try:"
    " os.write(fd, word.encode() + b'\\n')\n        except OSError: pass\nos._exit(0)",
    "frames on every descriptor": "import os\nfor fd in range(1, 64):\n    for word in (b'is ', b'raised ', b'name '):"
    "\n        try: os.write(fd, (len(word) + 1).to_bytes(8, 'big') + word + b'1')\n        except OSError: pass"
    "\nos._exit(0)",
    "frames of the harness": "import os\nos.write(1, b'ok 0.0000 2 0\\n%d\\nend 0.0000 0 0\\n')\nos._exit(0)",
    "marks found in memory": EVERYWHERE
    + "for mark in set(re.findall('[0-9a-f]{16}', ' '.join(texts))):\n"
    "    for word in ('passed', 'value 0', 'ok'): os.write(1, f'\\n{mark} {word} \\n'.encode())\nos._exit(0)",
    "sums found in memory": EVERYWHERE
    + "found = [int(n) for n in re.findall('[0-9]{7,}', ' '.join(texts))]\n"
    "def add(a=0, b=0):\n    top = max(a, b)\n    return next((n for n in found if top < n <= 2 * top), 0)\n"
    "for n in found: print(n)",
    "patched builtins": "import builtins\n"
    + "".join(
        f"builtins.{name} = lambda *given, **more: True\n"
        for name in "sorted all any isinstance abs len repr compile exec eval print".split()
    )
    + "def add(*given): return 0",
    "no assertion fails": "import builtins\nbuiltins.AssertionError = type('E', (Warning,), {})" + RETURNS.format("0"),
    "a patched os and sys": "import os, sys\nos.write = lambda fd, data: len(data)\nsys.stdout = sys.stderr\n"
    "sys.exit = os._exit = lambda *given: None" + RETURNS.format("0"),
    "a patched json and math": "import json, math, marshal\njson.dumps = lambda *given: 'true'\n"
    "math.isclose = lambda *given, **more: True\nmarshal.loads = lambda *given: {}" + RETURNS.format("0"),
    "a check of its own": "def check(f): pass\nmath = None" + RETURNS.format("0"),
    "a trace": "import sys\nsys.settrace(lambda *given: sys._exit(0))\nsys.setprofile(print)" + RETURNS.format("0"),
    "a patched frame": "import sys\nsys._getframe(1).f_globals.update(answered=True, space={}, say=print)"
    + RETURNS.format("0"),
    "patched modules": "import sys\nfor name in ('tests', 'answer', '__main__', 'checker', 'peer'):\n"
    "    sys.modules[name] = type(sys)(name)" + RETURNS.format("0"),
    "a thread that goes on": "import os, threading, time\n"
    "def on():\n    while True: os.write(1, b'0\\n'); time.sleep(0.001)\n"
    "threading.Thread(target=on, daemon=True).start()" + RETURNS.format("0"),
    "a child that answers": "import os\nif os.fork(): os._exit(0)" + RETURNS.format("0"),
    "the tests' memory": "import os\nfor pid in range(1, 300):\n    for what in ('mem', 'environ', 'fd/0', 'fd/3'):\n"
    "        try: os.write(1, open(f'/proc/{pid}/{what}', 'rb').read(1 << 16))\n        except OSError: pass"
    + RETURNS.format("0"),
    "kills the tests": "import os\nfor pid in (os.getppid(), 0, -1):\n    try: os.kill(pid, 9)\n    except OSError: 0"
    + RETURNS.format("0"),
    "a folder of its own modules": "open('math.py', 'w').write('def isclose(*given): return True')\n"
    "open('sitecustomize.py', 'w').write('import os; os._exit(0)')" + RETURNS.format("0"),
    "every number": "def add(*given):\n    return range(10**10)\nprint(*range(1000))",
    "a generator": "def add(*given):\n    while True: yield 0",
    "a very long answer": RETURNS.format("'9' * 10**7"),
    "a deep answer": "def add(*given):\n    x = 0\n    for _ in range(99999): x = [x]\n    return x\nprint('[' * 9999)",
    "invalid bytes": "import os\nos.write(1, bytes(range(256)) * 9)\ndef add(*given): return '\\ud800'",
}  # fmt: skip


@pytest.fixture(scope="module", params=["docker", "process"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    if request.param == "docker":
        request.getfixturevalue("docker")
    with DockerSandbox(workers=2) if request.param == "docker" else ProcessSandbox(workers=2) as opened:
        yield opened


def verdicts(sandbox: Sandbox, program: str) -> dict[str, str]:
    answer = f"```python\n{program}\n```"
    frame = pl.DataFrame({"answer": [answer] * len(TESTS), "tests": [json.dumps(tests) for tests in TESTS.values()]})
    judged = apply("verify.code", frame, sandbox=sandbox, seconds=3.0).kept.collect()
    return {
        f"{kind}: {reason}": verdict
        for kind, verdict, reason in zip(TESTS, *judged.select("verdict", "verdict_reason"), strict=True)
    }


def test_the_task_can_be_solved(sandbox: Sandbox) -> None:
    assert list(verdicts(sandbox, HONEST).values()) == ["right"] * 4


@pytest.mark.parametrize("name", ANSWERS)
def test_is_not_right_and_the_next_is(sandbox: Sandbox, name: str) -> None:
    told = verdicts(sandbox, ANSWERS[name])
    assert set(told.values()) <= {"wrong", "timeout"}, told
    assert list(verdicts(sandbox, HONEST).values()) == ["right"] * 4
