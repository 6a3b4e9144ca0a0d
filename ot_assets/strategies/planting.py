"""Rules tried on plants: copies, with known edits, of what they must find.

A dedup is given questions that it kept and a plant of each; a decontamination is given plants of its benchmarks' items.
What the rule promises is worked out for each plant on its own, by the rule's definition and none of its machinery: the
Indel ratio of the two texts, the runs of tokens that they share. A promised plant that stays, or one with other numbers
that goes where numbers count, says that the rule does not do what it says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from ot_assets.strategies.registry import Split
from ot_resources.interfaces import Tokenizer

# Texts that plants are made of; of longer ones the ratio would take too long.
TEXTS = 36
TEXT_CHARS = 10_000

VERBATIM, NUMBER_EDITED = "verbatim", "number edited"
_BEFORE, _AFTER = "Read this carefully and answer. ", " Show each step of your work, and check the result."
_OTHER_WORDS = {"find": "determine", "what is": "compute", "how many": "count the number of", "show": "prove"}


def _spaced(text: str) -> str:
    """Every fifth space doubled, and a line break at the end."""
    words = text.split(" ")
    return "".join(word + ("  " if place % 5 == 2 else " ") for place, word in enumerate(words)).rstrip(" ") + "\n"


def _latex_spaced(text: str) -> str:
    """Thin spaces about the signs of formulas."""
    formulas = "\\" in text or "$" in text
    return re.sub(r" *([=+<>]) *", r"\\,\1\\, ", text) if formulas else text


_DIGITS = ("0123456789", "₀₁₂₃₄₅₆₇₈₉", "⁰¹²³⁴⁵⁶⁷⁸⁹", "０１２３４５６７８９", "一二三四五六七八九", "①②③④⑤⑥⑦⑧⑨")
_NEXT = {one: next_one for row in _DIGITS for one, next_one in zip(row, row[1:] + row[0], strict=True)}


def _number_edited(text: str) -> str:
    """The first number's last digit raised by one, 9 to 0, in whatever way it is written."""
    digit = "".join(_DIGITS)
    return re.sub(rf"([{digit}])(?![{digit}])", lambda found: _NEXT[found[1]], text, count=1)


def _paraphrased(text: str) -> str:
    """Some common words replaced, and the sentences in another order: about as far as rules get without a model."""
    for word, other in _OTHER_WORDS.items():
        text = re.sub(rf"\b{word}\b", other, text, flags=re.IGNORECASE)
    sentences = re.split(r"(?<=[.?!]) ", text)
    return " ".join([*sentences[1:], sentences[0]])


EDITS: dict[str, Callable[[str], str]] = {
    VERBATIM: lambda text: text,
    "white space": _spaced,
    "LaTeX spacing": _latex_spaced,
    "prefix and suffix": lambda text: _BEFORE + text + _AFTER,
    NUMBER_EDITED: _number_edited,
    "paraphrase": _paraphrased,
}

# Whether a question must go for a text, by the rule's own words.
Matches = Callable[[str, str], bool]


def _equal(question: str, text: str) -> bool:
    return question == text


def _indel(threshold: float) -> Matches:
    from rapidfuzz import fuzz

    return lambda question, text: fuzz.ratio(question, text) >= threshold


def _ngram(n: int, params: dict[str, Any], tokenizer: Tokenizer) -> Matches:
    """A run of n tokens in common, or all of a shorter text; all and no more where it is very short."""

    def matches(question: str, text: str) -> bool:
        one, other = tuple(tokenizer.tokens(question)), tuple(tokenizer.tokens(text))
        size = min(n, len(other))
        if not size or (size < n and params["compat"] == "no_short_items"):
            return False
        if size < n and size < params["whole_from"]:
            return one == other
        return not _runs(one, size).isdisjoint(_runs(other, size))

    return matches


def _runs(tokens: tuple[Any, ...], size: int) -> set[tuple[Any, ...]]:
    return {tokens[start : start + size] for start in range(len(tokens) - size + 1)}


def _exact(params: dict[str, Any], given: dict[str, Any]) -> Matches:
    def normalised(text: str) -> str:
        if params["normalise"] == "none":
            return text
        if params["normalise"] == "text":
            text = re.sub(r"[\s.?。？]+$", "", unicodedata.normalize("NFC", text).lower())
        return " ".join(text.split())

    return lambda question, text: normalised(question) == normalised(text)


def _dedup_indel(params: dict[str, Any], given: dict[str, Any]) -> Matches:
    # The published behaviour promises no more than that the same text goes.
    return _equal if params.get("compat") else _indel(params["threshold"])


def _number_aware(params: dict[str, Any], given: dict[str, Any]) -> Matches:
    from ot_assets.similarity.quantities import quantities

    alike = _indel(params["threshold"])
    return lambda question, text: alike(question, text) and quantities(question) == quantities(text)


def _indel_or_ngram(params: dict[str, Any], given: dict[str, Any]) -> Matches:
    alike, shares = _indel(params["threshold"]), _ngram(params["ngram"], params, given["tokenizer"])
    return lambda question, text: alike(question, text) or shares(question, text)


# By strategy, of its parameters and capabilities: what is promised. A strategy that is not here is not tried.
PROMISES: dict[str, Callable[[dict[str, Any], dict[str, Any]], Matches]] = {
    "dedup.exact": _exact,
    "dedup.indel": _dedup_indel,
    "dedup.number_aware": _number_aware,
    "dedup.semantic": lambda params, given: _equal,
    "decontaminate.indel": lambda params, given: _indel(params["threshold"]),
    "decontaminate.ngram": lambda params, given: _ngram(params["n"], params, given["tokenizer"]),
    "decontaminate.indel_or_ngram": _indel_or_ngram,
}
# Brackets and mathematical signs, by their category.
_SIGNS = frozenset({"Ps", "Pe", "Sm", "Pd"})
# These leave a question whose numbers are others.
NUMBERS_COUNT = frozenset({"dedup.number_aware", "dedup.semantic"})


@dataclass(frozen=True)
class Plant:
    """An edited text, the row that it was made of, and whether it must go; False is must stay, None is either."""

    kind: str
    row: int
    question: str
    must_go: bool | None

    @property
    def question_id(self) -> str:
        return f"plant {self.row}, {self.kind}"


@dataclass(frozen=True)
class Tried:
    """How many plants of a kind there were and were found, how many must be or not, and the first that is otherwise."""

    kind: str
    planted: int
    found: int
    must_go: int
    must_stay: int
    broken: Plant | None

    def __str__(self) -> str:
        promises = {"must": self.must_go, "must not": self.must_stay}
        told = [f"{'all' if n == self.planted else n} {must}" for must, n in promises.items() if n]
        return f"{self.kind} {self.found} of {self.planted}" + (f" ({', '.join(told)})" if told else "")


def plants(kind: str, texts: list[str], matches: Matches, numbers_count: bool = False) -> list[Plant]:
    """The plants of one kind; none of a text that the edit does not change."""
    edited = [(row, EDITS[kind](text)) for row, text in enumerate(texts)]
    changed = [(row, text) for row, text in edited if kind == VERBATIM or text != texts[row]]
    if not (numbers_count and kind == NUMBER_EDITED):
        return [Plant(kind, row, text, matches(text, texts[row]) or None) for row, text in changed]
    return _number_plants(texts, changed)


def _number_plants(texts: list[str], changed: list[tuple[int, str]]) -> list[Plant]:
    """Plants that must stay, unless what they were changed to is another question that is there.

    `quantities` alone cannot say so: where it does not see the edit the rule takes the plant out, and it must not.
    """
    from ot_assets.similarity.quantities import quantities

    counted = [quantities(text) for text in texts]
    seen, written, made = set(counted), {_signs(text) for text in texts}, []
    for row, text in changed:
        now = quantities(text)
        there = _signs(text) in written or (now in seen and now != counted[row])
        made.append(Plant(NUMBER_EDITED, row, text, None if there else False))
        seen.add(now)
        written.add(_signs(text))
    return made


def _signs(text: str) -> str:
    """The digits, brackets and signs of `text`, as they are: a crude test, and none that `quantities` has a part in."""
    return "".join(c for c in text if unicodedata.numeric(c, None) is not None or unicodedata.category(c) in _SIGNS)


def tried(
    title: str, rows: pl.DataFrame, matches: Matches, run: Callable[[pl.LazyFrame], Split], beside: bool
) -> list[Tried]:
    """What a rule makes of the plants of `rows` (question_id, question), by kind.

    `run` is the rule with its parameters. Where rows are compared with each other (`beside`) those that the plants are
    made of come before them, and each kind is tried without the others.
    """
    kinds = {kind: plants(kind, rows["question"].to_list(), matches, title in NUMBERS_COUNT) for kind in EDITS}
    batches = list(kinds.values()) if beside else [[plant for made in kinds.values() for plant in made]]
    found: set[str] = set()
    for batch in batches:
        planted = rows[[plant.row for plant in batch]].with_columns(
            pl.Series("question_id", [plant.question_id for plant in batch], pl.String),
            pl.Series("question", [plant.question for plant in batch], pl.String),
        )
        frame = pl.concat([rows, planted]) if beside else planted
        found.update(run(frame.lazy()).dropped.select("question_id").collect()["question_id"])
    return [_tally(kind, made, found) for kind, made in kinds.items() if made]


def _tally(kind: str, made: list[Plant], found: set[str]) -> Tried:
    went = [plant.question_id in found for plant in made]
    broken = (plant for plant, gone in zip(made, went, strict=True) if plant.must_go not in (None, gone))
    must_go, must_stay = (sum(plant.must_go is must for plant in made) for must in (True, False))
    return Tried(kind, len(made), sum(went), must_go, must_stay, next(broken, None))
