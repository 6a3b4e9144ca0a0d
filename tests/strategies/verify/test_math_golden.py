"""`verify.math` gives the verdicts of `tests/golden/math_verdicts.yaml`, each through the public strategy."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
import yaml

from ot_assets.strategies import apply

GOLDEN = Path(__file__).parents[2] / "golden" / "math_verdicts.yaml"
# These are not to end; for all others the limit is far away, so that a busy machine changes no verdict.
ENDLESS = "what never ends"


class Case(NamedTuple):
    topic: str
    reference: str
    answer: str
    wanted: str


def cases() -> list[Case]:
    topics = yaml.safe_load(GOLDEN.read_text("utf-8"))
    found = []
    for topic, told in topics.items():
        for reference, answer, wanted, *_ in told["cases"]:
            whole = answer if told.get("whole") else f"So it is \\boxed{{{answer}}}."
            found.append(Case(topic, reference, whole, wanted))
    return found


CASES = cases()


def judged(some: list[Case], seconds: float) -> dict[Case, dict[str, Any]]:
    frame = pl.DataFrame({"reference": [case.reference for case in some], "answer": [case.answer for case in some]})
    rows = apply("verify.math", frame, seconds=seconds).kept.collect().rows(named=True)
    return dict(zip(some, rows, strict=True))


@pytest.fixture(scope="module")
def verdicts() -> dict[Case, dict[str, Any]]:
    endless = [case for case in CASES if case.topic == ENDLESS]
    others = [case for case in CASES if case.topic != ENDLESS]
    return judged(others, seconds=30) | judged(endless, seconds=0.5)


@pytest.mark.parametrize("case", CASES, ids=[f"{case.topic}-{number}" for number, case in enumerate(CASES)])
def test_the_verdict_is_the_wanted_one(case: Case, verdicts: dict[Case, dict[str, Any]]) -> None:
    row = verdicts[case]
    told = f"{case.reference!r}, {case.answer!r}: {row['verdict']}, {row['verdict_reason']}"
    if case.wanted == "never":
        assert row["verdict"] != "right", told
    else:
        assert row["verdict"] == case.wanted, told


def test_there_are_enough_cases_and_each_is_there_once() -> None:
    assert len(CASES) >= 400
    twice = [case for case, times in Counter((c.reference, c.answer) for c in CASES).items() if times > 1]
    assert twice == []
    assert {case.wanted for case in CASES} == {"right", "wrong", "unparsed", "error", "unavailable", "never"}


def test_the_order_of_the_two_sides_is_the_stated_one() -> None:
    """A checker with reference and answer exchanged would fail here (open-r1 issue 557)."""
    sides = [("2x+z=1", "1"), ("B", r"\text{B) } 12"), ("5", "x = 5")]
    frame = pl.DataFrame(
        {"reference": [a for a, _ in sides] + [""], "answer": [rf"\boxed{{{b}}}" for _, b in sides] + [r"\boxed{1}"]}
    )
    out = apply("verify.math", frame).kept.collect()
    assert out["verdict"].to_list() == ["wrong", "right", "right", "unavailable"]


def huge(inside: str) -> str:
    return inside * (10_000_000 // len(inside))


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (lambda: huge("so ") + r"\boxed{5}", "right"),
        (lambda: huge("so ") + r"\boxed{6}", "wrong"),
        (lambda: r"\boxed{5}" + huge(" and so on"), "right"),
        (lambda: r"\boxed{" + huge("1") + "}", "unparsed"),
        (lambda: r"\boxed{" + huge("(") + "}", "unparsed"),
        (lambda: r"\boxed{" + huge(r"\text{a}"), "unparsed"),
        (lambda: huge(r"\boxed{"), "unparsed"),
        (lambda: huge(r"\boxed{6} ") + r"\boxed{5}", "right"),
        (lambda: huge("{") + r"\boxed{5}", "right"),
        (lambda: huge("no box "), "unparsed"),
        (lambda: r"\boxed{" + "(" * 900 + "5" + ")" * 900 + "}", None),
        (lambda: r"\boxed{" + "{" * 900 + "5" + "}" * 900 + "}", None),
        (lambda: r"\boxed{" + r"\frac{1}{" * 200 + "5" + "}" * 200 + "}", None),
        (lambda: r"\boxed{" + ",".join("1" for _ in range(900)) + "}", "wrong"),
        (lambda: r"\boxed{" + r"\text{ m}" * 200 + "}", None),
        (lambda: r"\boxed{" + r"\pm" * 600 + "1}", None),
        (lambda: r"\boxed{" + "5 " * 900 + "}", None),
    ],
)
def test_answers_of_any_size(answer: Any, verdict: str | None) -> None:
    """None: anything but right."""
    [row] = (
        apply("verify.math", pl.DataFrame({"reference": ["5"], "answer": [answer()]}), seconds=3)
        .kept.collect()
        .rows(named=True)
    )
    assert row["verdict"] == verdict if verdict else row["verdict"] != "right", row["verdict_reason"]
    assert row["verdict_seconds"] < 6
