"""filter.math_text, filter.no_proofs and filter.code_text."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ot_assets.strategies import apply
from ot_resources.interfaces import BadInput

from ..frames import both, collected, evidence, questions

BOXED = r"so \boxed{4}"


def published(problem: str, solution: str | None) -> bool:
    """Whether OpenThoughts-114k's filter keeps a problem, in plain Python."""
    text = problem.lower()
    if any(word in text for word in ("figure", "diagram", "jpeg", "png", "jpg", "svg", "answer:")):
        return False
    if text.startswith("a)") and "b)" in text:
        return False
    if not solution:
        return False
    return r"\boxed{" in solution.lower() and r"\boxed{}" not in solution.lower()


PIECES = ["Figure", "a)", "b)", " ", "ANSWER:", "png", r"\Boxed{", r"\boxed{}", "}", "x", "\n", "İ"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.lists(st.sampled_from(PIECES)), st.none() | st.lists(st.sampled_from(PIECES)))))
def test_mathematics_is_kept_as_published(rows):
    texts = ["".join(problem) for problem, _ in rows]
    references = [None if solution is None else "".join(solution) for _, solution in rows]
    frame = questions(*texts, reference=pl.Series(references, dtype=pl.String))
    kept, _ = collected(apply("filter.math_text", frame))
    stay = [published(text, solution) for text, solution in zip(texts, references, strict=True)]
    assert kept.equals(frame.filter(pl.Series(stay, dtype=pl.Boolean)))


def test_each_rule_of_mathematics_has_its_reason():
    rows = {
        "What is 2 + 2?": (BOXED, None, None),
        "See the Figure.": (BOXED, "figure", "figure"),
        "2 + 2. Answer: 4": (BOXED, "states_answer", "answer:"),
        "A) 1? B) 2?": (BOXED, "multi_part", "a) 1? b) 2?"),
        "No solution?": (" ", "no_solution", " "),
        "Null?": (None, "no_solution", None),
        "Prove it.": (r"QED \boxed{}", "proof", r"\boxed{}"),
        "Plain?": ("it is 4", "no_box", "it is 4"),
    }
    frame = questions(*rows, reference=[reference for reference, _, _ in rows.values()])
    kept, dropped = both("filter.math_text", frame)
    assert kept["question"].to_list() == ["What is 2 + 2?"]
    told = [(reason, matched) for _, reason, matched in rows.values() if reason]
    assert list(zip(dropped["drop_reason"], [e["matched"] for e in evidence(dropped)], strict=True)) == told


def test_rules_of_mathematics_can_be_switched_off():
    frame = questions("See the figure. Answer: 4", "a) b)", None)
    off = {"figure_words": [], "answer_words": [], "multi_part": False, "solution": False, "box": False}
    kept, _ = both("filter.math_text", frame, **off)
    assert kept.equals(frame)
    with pytest.raises(BadInput, match="need the column 'reference'"):
        apply("filter.math_text", frame)


def test_proofs_go():
    frame = questions("Show that x = 1", "PROVE it", "a Proof?", "improve x", "shown", "Find x", None)
    kept, dropped = both("filter.no_proofs", frame)
    assert kept["question"].to_list() == ["shown", "Find x", None]
    assert set(dropped["drop_reason"]) == {"proof"}
    assert [told["matched"] for told in evidence(dropped)] == ["show ", "prove ", "proof", "prove "]


def test_words_are_text_not_patterns():
    kept, _ = both("filter.no_proofs", questions("a.c", "abc", "[x]^$", "x"), words=["a.c", "[x]^$"])
    assert kept["question"].to_list() == ["abc", "x"]


STDIN = json.dumps({"kind": "stdin", "inputs": ["1"], "outputs": ["1"]})
LONG = "Read a number and print it. " * 9


def test_each_rule_of_code_has_its_reason():
    rows = [
        (LONG, STDIN, "print(input())", None),
        (LONG + "see https://x.org", STDIN, '["print(input())"]', None),
        (LONG, json.dumps({"kind": "asserts", "asserts": ["assert f(1) == 1"]}), "def f...", None),
        (LONG, json.dumps({"kind": "check", "code": "def check(f): ...", "entry_point": "f"}), "def f...", None),
        (LONG + "see HTTP://x.org", STDIN, "p", "link"),
        (LONG + "[image]", STDIN, "p", "link"),
        ("Print 1.", STDIN, "p", "short"),
        (None, STDIN, "p", "short"),
        (LONG, None, "p", "no_tests"),
        (LONG, json.dumps({"kind": "stdin", "inputs": [], "outputs": []}), "p", "no_tests"),
        (LONG, json.dumps({"kind": "stdin", "inputs": ["1"], "outputs": []}), "p", "no_tests"),
        (LONG, "nonsense", "p", "no_tests"),
        (LONG, STDIN, None, "no_solution"),
        (LONG, STDIN, " [ ] ", "no_solution"),
    ]
    frame = questions(*(row[0] for row in rows), tests=[row[1] for row in rows], reference=[row[2] for row in rows])
    kept, dropped = both("filter.code_text", frame)
    assert kept["question_id"].to_list() == ["q0", "q1", "q2", "q3"]
    assert dropped["drop_reason"].to_list() == [row[3] for row in rows if row[3]]
    assert [told["matched"] for told in evidence(dropped)][:4] == ["http://", "[image]", "8", None]


def test_rules_of_code_can_be_switched_off():
    frame = questions("http://", "1")
    kept, _ = both("filter.code_text", frame, words=[], min_chars=0, tests=False, solution=False)
    assert kept.equals(frame)
    for column in ("tests", "reference"):
        with pytest.raises(BadInput, match=f"needs the column '{column}'"):
            apply("filter.code_text", frame, tests=column == "tests")


def test_nothing_is_read_while_the_plan_is_built():
    read = []
    frame = questions("x", reference=["y"], tests=["{}"]).lazy().map_batches(lambda rows: read.append(1) or rows)
    splits = [apply(f"filter.{name}", frame) for name in ("math_text", "no_proofs", "code_text")]
    assert read == []
    assert all(len(pl.concat(collected(split), how="diagonal")) == 1 for split in splits)
