r"""The graders, graded: answers whose verdict is known beforehand, made of the very questions that are verified.

A gold answer is made of what a question expects (`\boxed{reference}`; a program that prints, or returns, the expected
output for each input) and must be right; the same with something else in its place must not be. A grader that says
`wrong` to all, or `right` to what does not solve anything, is found before its verdicts are used.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from ot_assets.strategies.verify.code_tests import BadTests, read_tests
from ot_assets.strategies.verify.math import reference_answer
from ot_assets.strategies.verify.multiple_choice import is_letter_only, reference_letter
from ot_assets.strategies.verify.verdict import Row, Verdict

QUESTIONS = 12
# Questions are looked for among so many rows; tests that are longer are left out.
AMONG = 2_000
TESTS_CHARS = 100_000
# More verdicts of these kinds than this share say more about the grader than about the answers.
CEILING = 0.5
# Of fewer answers a share says nothing.
FEW = 20
UNDECIDED = (Verdict.UNPARSED, Verdict.TIMEOUT, Verdict.ERROR)

# No answer of a benchmark; and what such an answer would have to be for a letter.
_NOT_IT = "-987654321"
_OTHER = {"A": "B"}


@dataclass(frozen=True)
class Specimen:
    """An answer to a question, and whether it must be right."""

    row: Row
    right: bool


def specimens(title: str, rows: pl.LazyFrame, params: dict[str, Any]) -> list[Specimen]:
    """Specimens for the verifier `title`, of the first questions in `rows`; none for what is not in `MAKERS`."""
    make = MAKERS.get(title)
    if make is None:
        return []
    column = "tests" if title == "verify.code" else "reference"
    head = (
        rows.select("question_id", column).head(AMONG).collect(engine="streaming").unique("question_id", keep="first")
    )
    found: list[Specimen] = []
    for value in head.sort("question_id")[column].to_list():
        if isinstance(value, str) and value.strip() and len(value) <= TESTS_CHARS:
            found += [Specimen({"answer": text, column: value}, right) for text, right in make(value, params)]
        if sum(specimen.right for specimen in found) >= QUESTIONS:
            break
    return found


def _boxed(text: str) -> str:
    return f"The answer is \\boxed{{{text}}}."


def _math(reference: str, params: dict[str, Any]) -> list[tuple[str, bool]]:
    gold = reference_answer(reference)
    if is_letter_only(gold):
        return _multiple_choice(gold, {"index_base": None})
    return [(_boxed(gold), True), (_boxed(_NOT_IT), False)]


def _multiple_choice(reference: str, params: dict[str, Any]) -> list[tuple[str, bool]]:
    letter = reference_letter(reference, params.get("index_base"))
    if letter is None:
        return []
    return [(_boxed(letter), True), (_boxed(_OTHER.get(letter, "A")), False)]


def _code(tests: str, params: dict[str, Any]) -> list[tuple[str, bool]]:
    try:
        read = read_tests(tests)
    except BadTests:
        return []
    idle = (_fenced("pass"), False)
    if read.setup:
        return [idle]  # what it holds may be more than data can stand for
    if read.kind == "stdin":
        programs = [_printing(read.stdins, outputs) for outputs in (read.outputs, ["?" * 9] * len(read.outputs))]
        known = len({(given, wanted) for given, wanted in zip(read.stdins, read.outputs, strict=True)})
        same = len(set(read.stdins)) == known
    elif read.kind == "call":
        spelled = [repr(tuple(json.loads(tests)["inputs"][place])) for place in range(len(read.stdins))]
        calls = [
            (read.fn_name, f"({given}, {{}})", output) for given, output in zip(spelled, read.outputs, strict=True)
        ]
        programs, same = _returning(calls)
    elif read.kind == "asserts" and None not in read.equalities:
        calls = [(e.name, e.given, e.expected) for e in read.equalities if e is not None]
        programs, same = _returning(calls)
    else:
        return [idle]
    return [(_fenced(programs[0]), True), (_fenced(programs[1]), False)] if same else [idle]


def _fenced(program: str) -> str:
    return f"```python\n{program}\n```"


def _printing(inputs: tuple[str, ...], outputs: Any) -> str:
    table = dict(zip(inputs, outputs, strict=True))
    return f"import sys\nprint({table!r}[sys.stdin.read()], end='')"


def _returning(calls: list[tuple[str, str, Any]]) -> tuple[list[str], bool]:
    """Programs that return what each call expects, and something else; and whether equal calls expect the same."""
    table: dict[str, dict[str, str]] = {}
    same = True
    for name, given, expected in calls:
        same = table.setdefault(name, {}).setdefault(given, repr(expected)) == repr(expected) and same
    same = same and all(name.isidentifier() for name in table)
    right, wrong = [], []
    for name, known in table.items():
        cases = ", ".join(f"(repr({given}), {expected})" for given, expected in known.items())
        body = f"def {name}(*given, **named):\n    nan, inf = float('nan'), float('inf')\n"
        right.append(f"{body}    return dict([{cases}])[repr((given, named))]")
        wrong.append(f"{body}    return ('{_NOT_IT}', given)")
    return ["\n".join(right), "\n".join(wrong)], same


MAKERS: dict[str, Callable[[str, dict[str, Any]], list[tuple[str, bool]]]] = {
    "verify.math": _math,
    "verify.multiple_choice": _multiple_choice,
    "verify.code": _code,
}


def grade(specimens: list[Specimen], verify: Callable[[pl.LazyFrame], Any]) -> tuple[bool, str]:
    """Whether a verifier gives each specimen the verdict that it must have, and how many of each there were."""
    if not specimens:
        return True, "no question here lends itself to an answer whose verdict is known"
    frame = pl.DataFrame([specimen.row for specimen in specimens]).lazy()
    verdicts = pl.concat([piece.collect() for piece in verify(frame)])
    rows = list(zip(specimens, verdicts["verdict"], verdicts["verdict_reason"], strict=True))
    bad = [(s, verdict, reason) for s, verdict, reason in rows if (verdict == Verdict.RIGHT) != s.right]
    gold = sum(specimen.right for specimen in specimens)
    told = f"{gold} gold answers and {len(specimens) - gold} corrupted ones"
    if not bad:
        return True, f"{told}: each verdict as it must be"
    first, verdict, reason = bad[0]
    which = "gold answer" if first.right else "corrupted answer"
    return False, f"{told}: {len(bad)} verdicts are not as they must be, e.g. a {which} is {verdict} ({reason})"


def decided(verdicts: dict[str, int]) -> tuple[bool, str]:
    """Whether the verdicts that decide nothing are few enough; `verdicts` counts rows."""
    checked = sum(verdicts.values()) - verdicts.get(Verdict.UNAVAILABLE, 0)
    counts = {kind.value: verdicts.get(kind, 0) for kind in UNDECIDED}
    share = sum(counts.values()) / checked if checked else 0.0
    told = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    few_enough = share <= CEILING or checked < FEW
    return few_enough, f"{told} of {checked:,} checked: {share:.0%} undecided, at most {CEILING:.0%} may be"
