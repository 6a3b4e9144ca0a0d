"""Programming tasks that are whole: a statement without links and pictures, tests, and a solution."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from ot_assets.strategies.filter.rules import Rule, blank, drop_broken, found
from ot_assets.strategies.registry import Split, strategy
from ot_resources.interfaces import BadInput

WORDS = ["http://", "[image]"]


@strategy(stage="filter", version=1)
def code_text(
    questions: pl.LazyFrame,
    *,
    words: list[str] = WORDS,
    min_chars: Annotated[int, Field(ge=0)] = 200,
    tests: bool = True,
    solution: bool = True,
) -> Split:
    """Drop tasks with a link or a picture, of few characters, without tests, or without a reference solution.

    The rules of OpenThoughts-114k for its four code sources (open_thoughts/code/standardize.py), in this order; the
    first that holds gives the reason:

    link         the task holds one of `words`: "http://", "[image]"; an https link is no reason, as published
    short        it has fewer than `min_chars` characters; of 200 as published
    no_tests     `tests` has no case: no inputs with outputs, no asserts, no check (`tests`)
    no_solution  `reference` is empty, or an empty JSON list (`solution`)

    An empty list, 0 or false switches a rule off. About 20,000 verified rows of code came of it (paper).

    Columns in: question; tests, reference for their rules. Columns out: the same. Evidence: what matched, or how many
    characters there are.
    """
    schema = questions.collect_schema()
    for wanted, column, switch in ((tests, "tests", "tests"), (solution, "reference", "solution")):
        if wanted and column not in schema:
            raise BadInput(
                f"filter.code_text: '{switch}' needs the column '{column}'; without it set {switch} to false"
            )
    question = pl.col("question")
    word, length = found(question, words), question.str.len_chars()
    rules = [
        Rule("link", word.is_not_null(), word),
        Rule("short", length.fill_null(0) < min_chars, length.cast(pl.String)),
    ]
    if tests:
        rules.append(Rule("no_tests", ~has_tests(pl.col("tests")), pl.col("tests").str.head(80)))
    if solution:
        reference = pl.col("reference")
        empty = blank(reference) | (
            reference.str.json_path_match("$[0]").is_null() & reference.str.contains(r"^\s*\[\s*\]\s*$")
        )
        rules.append(Rule("no_solution", empty, reference.str.head(80)))
    return drop_broken(questions, rules)


def has_tests(tests: pl.Expr) -> pl.Expr:
    """Whether the JSON of `tests` holds a case, of any kind. Never null."""

    def there(path: str) -> pl.Expr:
        return tests.str.json_path_match(path).is_not_null()

    return (there("$.inputs[0]") & there("$.outputs[0]")) | there("$.asserts[0]") | there("$.code")
