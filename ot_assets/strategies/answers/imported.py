"""Answers that the source brought along."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl

from ot_assets.contracts import ANSWER, QUESTION
from ot_assets.strategies.dropping import split
from ot_assets.strategies.registry import Split, strategy
from ot_assets.strategies.trace_tags import take_apart
from ot_resources.interfaces import FinishReason

_MADE = {column: kind for column, kind in ANSWER.items() if column not in QUESTION}
_REASON = "__reason"
_RULE = "__rule"
_ANSWERS = "__answers"
_ANSWER = pl.Struct({**_MADE, _REASON: pl.String, _RULE: pl.String})


@strategy(stage="answers", version=2, needs=("extra",))
def imported(questions: pl.LazyFrame) -> Split:
    """Take `extra.imported` as the answers of each question, without asking a model; one row an answer.

    `answer`, `reasoning`, `model` and `finish_reason` are texts, or `answer` is a list of them: sample 0, 1, 2 ... by
    their place in it. The others are then lists of the same length, or one text for all. Where the reasoning is not
    apart, it is split off an answer in `<think>` or `<|begin_of_thought|>` marks; a solution is taken out of its own.

    An answer whose thought or solution is opened and never closed was cut: its finish_reason is `length`; an open
    thought is left in `answer`, with reasoning null. Otherwise finish_reason is what was told, or `stop`. Tokens are
    null: nobody counted them. An answer that is missing or empty is dropped as `no_imported_answer`, a question
    whose lists differ in length as `uneven_imported`.

    Bespoke-Stratos-17k keeps the traces of STILL-2 for about 1k science and puzzle questions, OpenThoughts2 the
    verified traces of OpenR1-Math-Raw, several a question (open-thoughts repository, HERO1/hero.py).

    Columns in: question_id, extra. Columns out: those and sample, model (`imported` where unknown), reasoning,
    answer, finish_reason, prompt_tokens, completion_tokens, response_id (`imported-` and the question_id).
    """

    def read(rows: pl.Series) -> pl.Series:
        told = [list(_answers(row["question_id"], row["extra"])) for row in rows]
        return pl.Series(rows.name, told, dtype=pl.List(_ANSWER))

    answers = pl.struct("question_id", "extra").map_batches(read, return_dtype=pl.List(_ANSWER), is_elementwise=True)
    rows = questions.drop(*_MADE, strict=False).with_columns(answers.alias(_ANSWERS))
    rows = rows.explode(_ANSWERS).unnest(_ANSWERS)
    return split(
        rows,
        pl.col(_REASON).is_null(),
        reason=pl.col(_REASON),
        evidence=pl.struct(pl.col(_RULE).alias("rule"), "sample"),
        scratch=(_REASON, _RULE),
    )


def _answers(question_id: str, extra: str | None) -> Iterator[dict[str, Any]]:
    """The answers in `extra`, at least one: with a rule and no text where there is none."""
    told = _imported(extra)
    texts = told.get("answer")
    several = texts if isinstance(texts, list) and texts else None
    count = len(several) if several else 1
    lengths = {field: len(value) for field, value in told.items() if several and isinstance(value, list)}
    uneven = next((field for field, length in lengths.items() if length != count), None)
    if uneven:
        rule = f"extra.imported has {count} answers but {lengths[uneven]} of '{uneven}'"
        yield _row(question_id, 0, **{_REASON: "uneven_imported", _RULE: rule})
        return
    for sample in range(count):
        origin = f"{question_id}-{sample}" if several else question_id
        answer, reasoning = _text(told.get("answer"), sample), _text(told.get("reasoning"), sample)
        if answer is None or not answer.strip():
            rule = "extra.imported.answer is missing or empty"
            yield _row(origin, sample, **{_REASON: "no_imported_answer", _RULE: rule})
            continue
        trace = take_apart(answer)
        finish = _text(told.get("finish_reason"), sample) or FinishReason.STOP.value
        yield _row(
            origin,
            sample,
            model=_text(told.get("model"), sample) or "imported",
            reasoning=trace.reasoning if reasoning is None else reasoning.strip(),
            answer=trace.answer,
            finish_reason=FinishReason.LENGTH.value if trace.cut else finish,
        )


def _imported(extra: str | None) -> dict[str, Any]:
    """`extra.imported`, empty where there is none. Integers stay text: some are too long for Python to read."""
    try:
        told = json.loads(extra or "{}", parse_int=str)
    except (ValueError, RecursionError):
        return {}
    imported = told.get("imported") if isinstance(told, dict) else None
    return imported if isinstance(imported, dict) else {}


def _text(value: Any, sample: int) -> str | None:
    """A text, the `sample`-th of a list of texts, or anything else as JSON."""
    if isinstance(value, list):
        value = value[sample] if sample < len(value) else None
    return value if isinstance(value, str | None) else json.dumps(value, ensure_ascii=False)


def _row(origin: str, sample: int, **told: str | None) -> dict[str, Any]:
    return {**dict.fromkeys([*_MADE, _REASON, _RULE]), **told, "sample": sample, "response_id": f"imported-{origin}"}
