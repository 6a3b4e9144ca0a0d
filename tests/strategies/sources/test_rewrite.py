"""A problem in other words keeps its answer; one turned round asks for a number of its text."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ot_assets.strategies import apply
from ot_assets.strategies.sources.masking import final_answer, has_unknown, mask
from ot_assets.strategies.tasks import REWRITE
from ot_resources.interfaces import Request, Response
from tests.strategies.fakes import FakeGenerator, failure, says
from tests.strategies.frames import both, collected, evidence, questions

PACKS = "Ada buys 5 packs of 4 pens. How many pens?"


def other_words(request: Request) -> Response:
    data = request.messages[-1].content
    if "broken" in data:
        return failure("busy")
    if "same" in data:
        return says(question=data.upper())
    if "blank" in data:
        return says(question="")
    if data.startswith("Question: "):
        return says(question=data.removeprefix("Question: ").replace("\n\nAnswer: ", " The answer is ") + ".")
    return says(question=f"In other words: {data}")


def made(operation: str, *texts: str, reference: str = "\\boxed{20}") -> list[dict[str, Any]]:
    frame = questions(*texts, reference=[reference] * len(texts), tests=["{}"] * len(texts))
    judge = FakeGenerator(other_words)
    kept, _ = both("sources.rewrite", frame, generator=judge, source="x", operations=[operation])
    return [row | json.loads(row["extra"]) for row in kept.to_dicts()]


def test_rephrasing_keeps_reference_and_tests() -> None:
    (row,) = made("rephrase", PACKS)
    assert row["question"] == f"In other words: {PACKS}"
    assert (row["reference"], row["tests"], row["operation"]) == ("\\boxed{20}", "{}", "rephrase")


def test_fobar_asks_for_the_number_that_it_hides_and_needs_no_model() -> None:
    frame = questions(PACKS, reference=["We get \\boxed{20}."])
    judge = FakeGenerator(other_words)
    kept, _ = both("sources.rewrite", frame, generator=judge, source="x", operations=["fobar"])
    row = kept.row(0, named=True)
    text, _, asked = row["question"].partition("\n\n")
    assert asked == "The answer to this is 20. What is the value of x?"
    assert row["reference"] in ("5", "4")
    assert re.sub(r"\bx\b", row["reference"], text) == PACKS
    assert row["tests"] is None
    assert not judge.asked


def test_self_verification_states_the_answer_and_asks_for_the_number() -> None:
    (row,) = made("self_verification", PACKS)
    assert row["question"].endswith("The answer is 20. What is the value of x?")
    assert has_unknown(row["question"].split("The answer")[0], "x")
    assert row["reference"] in ("5", "4")


def test_what_cannot_be_turned_round_is_said_in_other_words_or_dropped() -> None:
    frame = questions(
        "Name two primes.", PACKS, PACKS, reference=["7 and 11", "so long " * 20, None], domain=["math"] * 3
    )
    judge = FakeGenerator(other_words)
    kept, _ = both("sources.rewrite", frame, generator=judge, source="x")
    assert {json.loads(extra)["operation"] for extra in kept["extra"]} == {"rephrase"}
    _, dropped = both("sources.rewrite", frame, generator=judge, source="x", operations=["fobar"])
    assert dropped["drop_reason"].to_list() == ["no_operation_fits"] * 3
    assert [told["lacking"][:9] for told in evidence(dropped)] == ["a number ", "a short r", "a short r"]


def test_what_is_dropped() -> None:
    frame = questions("broken 1", "", "same 3", "blank 4", reference=["1"] * 4)
    judge = FakeGenerator(other_words)
    _, dropped = both("sources.rewrite", frame, generator=judge, source="x", operations=["rephrase"])
    assert dropped["drop_reason"].to_list() == ["judge_failed", "empty_question", "unchanged", "no_question"]
    forgets = FakeGenerator(lambda request: says(question="She has 20 pens in the box."))
    frame = questions(PACKS, reference=["20"])
    _, dropped = both("sources.rewrite", frame, generator=forgets, source="x", operations=["self_verification"])
    assert dropped["drop_reason"].to_list() == ["unknown_lost"]


def test_operations_are_drawn_by_the_id() -> None:
    frame = questions(*[f"Bob has {number} pens and 7 cups." for number in range(300)], reference=["9"] * 300)
    judge = FakeGenerator(other_words)
    kept, dropped = collected(apply("sources.rewrite", frame, generator=judge, source="x"))
    assert dropped.is_empty()
    drawn = Counter(json.loads(extra)["operation"] for extra in kept["extra"])
    assert set(drawn) == {"rephrase", "self_verification", "fobar"}
    assert min(drawn.values()) > 60
    assert {request.messages[0].content.splitlines()[0] for request in judge.asked} == {REWRITE}
    again, _ = collected(apply("sources.rewrite", frame[100:200], generator=FakeGenerator(other_words, 3), source="x"))
    assert again.equals(kept[100:200])


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("He has 3 cats.", {"3"}),
        ("It costs $1,250.50, or 5% less.", {"1250.50", "5"}),
        ("Solve $x^2 + 3x = 10$.", {"10"}),
        ("\\frac{3}{4}, 1/2, a_1, 2^n, H2O, 3:15, 2nd, -7, 1,2,3.4.5", set()),
        ("no numbers", set()),
    ],
)
def test_numbers_that_can_be_hidden(text: str, numbers: set[str]) -> None:
    found = [mask(text, draw << 16) for draw in range(20)]
    assert {masked.number for masked in found if masked} == numbers
    assert all(not has_unknown(text, masked.unknown) for masked in found if masked)


@given(st.text(st.sampled_from("xyz 12.,/-$\\{}ab"), max_size=30), st.integers(0, 2**64))
def test_a_hidden_number_put_back_gives_the_text(text: str, draw: int) -> None:
    masked = mask(text, draw)
    if masked is None:
        return
    assert has_unknown(masked.question, masked.unknown)
    whole = [m.group().replace(",", "") for m in re.finditer(r"\d[\d,.]*", text)]
    assert any(number.startswith(masked.number) for number in whole)
    parts = re.split(rf"(?<![a-z]){masked.unknown}(?![a-z])", masked.question)
    assert len(parts) == 2
    assert text.startswith(parts[0])
    assert text.endswith(parts[1])


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("20", "20"),
        ("So 4 times 5.\n\n\\boxed{20}", "20"),
        (" \\boxed{1} or \\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("a\nb", None),
        ("x" * 81, None),
        ("\\boxed{}", None),
        ("", None),
        (None, None),
    ],
)
def test_short_answers(reference: str | None, answer: str | None) -> None:
    assert final_answer(reference) == answer
