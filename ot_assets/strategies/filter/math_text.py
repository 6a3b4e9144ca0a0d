"""Mathematics that a text alone can ask and a boxed answer can settle."""

from __future__ import annotations

import polars as pl

from ot_assets.strategies.filter.rules import Rule, blank, drop_broken, found
from ot_assets.strategies.registry import Split, strategy
from ot_resources.interfaces import BadInput

FIGURE_WORDS = ["figure", "diagram", "jpeg", "png", "jpg", "svg"]
ANSWER_WORDS = ["answer:"]
_BOX = r"\boxed{"
_EMPTY_BOX = r"\boxed{}"
_SHOWN_CHARS = 80


@strategy(stage="filter", version=1)
def math_text(
    questions: pl.LazyFrame,
    *,
    figure_words: list[str] = FIGURE_WORDS,
    answer_words: list[str] = ANSWER_WORDS,
    multi_part: bool = True,
    solution: bool = True,
    box: bool = True,
) -> Split:
    r"""Drop problems that a figure, a stated answer, several parts, or a missing or unboxed solution spoils.

    The rules of OpenThoughts-114k for NuminaMath-CoT (open_thoughts/math/filter.py), upper and lower case alike. In
    this order, the first that holds gives the reason:

    figure        the problem holds one of `figure_words`: figure, diagram, jpeg, png, jpg, svg
    states_answer it holds one of `answer_words`: "answer:"
    multi_part    it begins with "a)" and holds "b)"
    no_solution   `reference`, the whole solution, is empty (`solution`)
    proof         the solution holds an empty `\boxed{}`, the mark of a proof (`box`)
    no_box        it holds no `\boxed{` (`box`)

    An empty list or false switches a rule off. Recorded there, rows in and kept: amc_aime 4,070 and 3,736, olympiads
    150,563 and 122,742, aops_forum 30,192 and 17,755, math 7,477 and 7,289; together 192,302 and 151,522. The words are
    sought anywhere in the text, so that "configure" counts as a figure, as published.

    Columns in: question; reference with `solution` or `box`. Columns out: the same. Evidence: what matched.
    """
    if (solution or box) and "reference" not in questions.collect_schema():
        raise BadInput("filter.math_text: 'solution' and 'box' need the column 'reference'; without it set both false")
    question = pl.col("question").str.to_lowercase()
    figure, answer = found(question, figure_words), found(question, answer_words)
    rules = [Rule("figure", figure.is_not_null(), figure), Rule("states_answer", answer.is_not_null(), answer)]
    if multi_part:
        parts = question.str.starts_with("a)") & question.str.contains("b)", literal=True)
        rules.append(Rule("multi_part", parts, question.str.head(_SHOWN_CHARS)))
    if not solution and not box:
        return drop_broken(questions, rules)
    reference = pl.col("reference").str.to_lowercase()
    if solution:
        rules.append(Rule("no_solution", blank(reference), reference))
    if box:
        end = reference.str.tail(_SHOWN_CHARS)
        unboxed = ~reference.str.contains(_BOX, literal=True).fill_null(False)
        rules.append(Rule("proof", reference.str.contains(_EMPTY_BOX, literal=True), pl.lit(_EMPTY_BOX)))
        rules.append(Rule("no_box", unboxed, end))
    return drop_broken(questions, rules)
