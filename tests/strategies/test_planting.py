"""Rules that do what they promise pass, and one that does less or more is found."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from ot_assets.strategies import Split, apply
from ot_assets.strategies.planting import EDITS, NUMBER_EDITED, PROMISES, Tried, plants, tried
from ot_assets.strategies.registry import find
from ot_assets.strategies.running import provide
from tests.strategies.frames import questions
from tests.strategies.meanings import Meanings

TEXTS = (
    "A train leaves Aville at nine and reaches Beetown, ninety miles on, at noon: how fast is it on the way there?",
    "How many edges does a cube with 12 painted corners have? Count each of them once. Then name the faces.",
    r"Let $f(x) = x^2 + 3x$ and $g(x) = 7x + 1$. Find all real $x$ with $f(x) < g(x)$, and show that no others are.",
    "Find 3+4.",
    "What is pi?",
    "一个正方形的周长是24厘米，它的面积是多少？",
)
ROWS = questions(*TEXTS)

RULES = [
    ("dedup.exact", {}),
    ("dedup.exact", {"normalise": "spaces"}),
    ("dedup.exact", {"normalise": "text", "order": ("-question_id",)}),
    ("dedup.indel", {"threshold": 95}),
    ("dedup.indel", {"threshold": 80}),
    ("dedup.indel", {"threshold": 95, "compat": "five_matches"}),
    ("dedup.number_aware", {"threshold": 90}),
    ("dedup.semantic", {"threshold": 0.9}),
    ("decontaminate.indel", {"threshold": 75}),
    ("decontaminate.ngram", {"n": 13}),
    ("decontaminate.ngram", {"n": 13, "compat": "no_short_items"}),
    ("decontaminate.ngram", {"n": 2, "whole_from": 3}),
    ("decontaminate.indel_or_ngram", {}),
]


def try_out(
    title: str, params: dict[str, Any], change: Callable[[Split], Split] = lambda split: split
) -> dict[str, Tried]:
    """By kind, what the rule makes of the plants of `ROWS`; `change` makes it another rule than it says."""
    entry = find(*title.split("."))
    given: dict[str, Any] = {"against": ROWS} if entry.tables else {}
    full = entry.check(params | given, "here")
    given |= {kind: Meanings() for kind in entry.capabilities.values() if kind == "embedder"}
    matches = PROMISES[title](full, provide(entry, given))

    def run(frame: pl.LazyFrame) -> Split:
        return change(apply(title, frame, **params | given | ({"order": ()} if "order" in full else {})))

    return {t.kind: t for t in tried(title, ROWS, matches, run, beside=not entry.tables)}


@pytest.mark.parametrize(("title", "params"), RULES)
def test_a_rule_keeps_its_promises(title, params):
    kinds = try_out(title, params)
    assert not [t.broken for t in kinds.values() if t.broken]
    assert kinds["verbatim"].planted == len(TEXTS)
    assert kinds["verbatim"].must_go >= len(TEXTS) - 3


@pytest.mark.parametrize(("title", "params"), RULES)
def test_a_rule_that_finds_nothing_is_found(title, params):
    def blind(split: Split) -> Split:
        return Split(pl.concat([split.kept, split.dropped], how="diagonal"), split.dropped.clear())

    broken = try_out(title, params, blind)["verbatim"].broken
    assert broken is not None
    assert broken.question in TEXTS


def test_what_is_promised_hangs_on_the_rule():
    promised = {
        (title, *params.values()): {kind: t.must_go for kind, t in try_out(title, params).items()}
        for title, params in RULES
    }
    assert promised["dedup.exact",]["white space"] == 0
    assert promised["dedup.exact", "spaces"]["white space"] == len(TEXTS)
    assert promised["dedup.indel", 95, "five_matches"]["white space"] == 0
    assert 0 < promised["dedup.indel", 95]["white space"] <= promised["dedup.indel", 80]["white space"]
    # two questions have thirteen words at least; a shorter one of four or more is looked for whole
    assert promised["decontaminate.ngram", 13, "no_short_items"]["prefix and suffix"] == 3
    assert promised["decontaminate.ngram", 13]["prefix and suffix"] == 3
    assert promised["decontaminate.ngram", 2, 3]["prefix and suffix"] == 5
    assert promised["dedup.indel", 95]["prefix and suffix"] == 0


def test_where_numbers_count_another_number_must_stay():
    aware = try_out("dedup.number_aware", {"threshold": 90})[NUMBER_EDITED]
    assert (aware.found, aware.must_go) == (0, 0)
    assert aware.must_stay == aware.planted == 4
    assert "number edited 0 of 4 (all must not)" in str(aware)
    matches = PROMISES["dedup.number_aware"]({"threshold": 90}, {})
    blind = tried("dedup.number_aware", ROWS, matches, lambda frame: apply("dedup.indel", frame, threshold=90), True)
    broken = next(t.broken for t in blind if t.kind == NUMBER_EDITED)
    assert broken is not None
    assert broken.must_go is False


@pytest.mark.parametrize("blind", [lambda text: (), lambda text: tuple(re.findall("[a-z]+", text))])
def test_where_quantities_are_blind_the_edit_is_seen_all_the_same(monkeypatch, blind):
    monkeypatch.setattr("ot_assets.similarity.quantities.quantities", blind)
    broken = try_out("dedup.number_aware", {"threshold": 90})[NUMBER_EDITED].broken
    assert broken is not None
    assert broken.must_go is False


def test_a_number_that_makes_another_question_that_is_there_may_go():
    texts = ["What is 3 + 4, in words?", "What is 4 + 4, in words?"]
    matches = PROMISES["dedup.number_aware"]({"threshold": 90}, {})
    assert [plant.must_go for plant in plants(NUMBER_EDITED, texts, matches, numbers_count=True)] == [None, False]


def test_edits_are_what_they_say():
    assert EDITS[NUMBER_EDITED]("19 and 20") == "10 and 20"
    assert EDITS[NUMBER_EDITED]("CO₂ and ９") == "CO₃ and ９"
    assert EDITS[NUMBER_EDITED]("x⁹, ⑨, 九") == "x⁰, ⑨, 九"
    assert EDITS["LaTeX spacing"]("a = b") == "a = b"
    assert EDITS["LaTeX spacing"]("$a = b$") == r"$a\,=\, b$"
    assert EDITS["white space"]("a b c d").split() == ["a", "b", "c", "d"]
    assert EDITS["paraphrase"]("Find x. Show why.") == "prove why. determine x."
    assert EDITS["paraphrase"]("") == ""
