from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ot_assets.strategies.answer_text import is_program, last_boxed, last_code_block
from ot_assets.strategies.verify.code_tests import same_output
from ot_assets.strategies.verify.math import reference_answer


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"\boxed{1}", "1"),
        (r"\boxed{\frac{1}{2}} or \boxed{\frac{\sqrt{3}}{4}}", r"\frac{\sqrt{3}}{4}"),
        (r"\boxed {5}", "5"),
        (r"\fboxed{5}", "5"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{a \boxed{b}}", r"a \boxed{b}"),
        (r"\boxed{1} then \boxed{2", "1"),
        (r"\boxed{}", ""),
        (r"\boxed 5", None),
        (r"{ } } \boxed{1} { ", "1"),
        (r"\boxed{1 \boxed{2} {", "2"),
        (r"\\boxed{5}", "5"),
        (r"\boxed{a \\boxed{b}} \\\{", r"a \\boxed{b}"),
        ("boxed{5}", None),
        ("", None),
    ],
)
def test_last_boxed(text: str, content: str | None) -> None:
    assert last_boxed(text) == content


@st.composite
def balanced(draw: st.DrawFn, depth: int = 3) -> str:
    parts = draw(st.lists(st.sampled_from(["a", "1", r"\{", r"\}", r"\\", " "]), max_size=4))
    if depth:
        parts += [f"{{{draw(balanced(depth - 1))}}}" for _ in range(draw(st.integers(0, 2)))]
    return "".join(draw(st.permutations(parts)))


@given(balanced(), st.text(alphabet="ab {}\n", max_size=9))
def test_what_was_boxed_is_found(content: str, before: str) -> None:
    assert last_boxed(f"{before}\\boxed{{{content}}} end") == content


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("```python\nx = 1\n```", ("python", "x = 1\n")),
        ("```\nx\n```", ("", "x\n")),
        ("```py\nx\n```\n```Python\ny\n```", ("python", "y\n")),
        ("~~~python\nx\n~~~", ("python", "x\n")),
        ("````python\n```\n````", ("python", "```\n")),
        ("```python\nx = 1", ("python", "x = 1")),
        ("```python title=a\nx\n```", ("python", "x\n")),
        ("  ```python\n  x\n    y\n  ```", ("python", "x\n  y\n")),
        ("a `b` c ```d```", None),
        ("```python\r\nx\r\n```\r\n", ("python", "x\r\n")),
        ("", None),
    ],
)
def test_last_code_block(text: str, block: tuple[str, str] | None) -> None:
    assert last_code_block(text) == block


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("def f(): pass", True),
        ("x = 1", True),
        ("print(1)", True),
        ("42", False),
        ("yes", False),
        ("I think so", False),
        ("", False),
        ("(" * 100_000, False),
        ("-" * 100_000 + "1", False),
        ("x = 1\0", False),
        ("x = '\\d'", True),
    ],
)
def test_is_program(text: str, program: bool) -> None:
    assert is_program(text) is program


N = 1_000_000
LONG_TEXTS = {
    "open boxes": "\\boxed{" * (N // 7),
    "open and closed boxes": "\\boxed{1}" * (N // 18) + "\\boxed{" * (N // 14) + "}" * 9,
    "boxes without braces": "\\boxed " * (N // 7),
    "box and spaces": ("\\boxed" + " " * (N // 10)) * 10,
    "escaped box and spaces": ("\\\\boxed" + " " * (N // 10)) * 10,
    "braces": "{" * (N // 2) + "}" * (N // 2),
    "backslashes": "\\" * N,
    "backticks": "`" * N,
    "backticks and text": "`" * N + "x`",
    "fence, spaces, word, tick": "```" + " " * (N // 2) + "x" * (N // 2) + "`",
    "fence, spaces, tabs, tick": "```" + " \t" * (N // 2) + "`",
    "spaces": " " * N,
    "open fences": "```a\n" * (N // 5),
    "fences": "```\n" * (N // 4),
    "newlines": "\n" * N,
    "tildes": "~" * N + "`",
    "marks": "#" * N + "\nx",
    "marks and spaces": "####" + " " * N + "x\ny",
    "marked words": "#### x " * (N // 7) + "\n\n1\n2",
    "digits": "1" * N + "x",
    "float": "1." + "1" * N + "x",
}


@pytest.mark.parametrize("name", LONG_TEXTS)
@pytest.mark.parametrize(
    "read", [last_boxed, last_code_block, reference_answer, lambda text: same_output("1", text.strip())]
)
def test_reading_takes_linear_time(read: Callable[[str], object], name: str) -> None:
    start = time.process_time()
    read(LONG_TEXTS[name])
    assert time.process_time() - start < 3
