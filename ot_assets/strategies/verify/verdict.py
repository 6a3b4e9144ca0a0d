"""The verdicts, and the loop that every verifier shares: batches in, the same rows with four columns more out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

import polars as pl

from ot_assets.contracts import VERDICT, VERDICTS

Row = dict[str, Any]

BATCH_ROWS = 1024
REASON_CHARS = 300


class Verdict(StrEnum):
    """`right` is said only by a checker that ran to its end and was satisfied.

    right        the answer solves the question
    wrong        it does not, or its program crashes
    unparsed     there is no answer in the text, or none that can be read
    timeout      checking it took too long
    error        the question's side is broken (tests, reference), or the checker is
    unavailable  it was not checked: nothing to check against, or no verifier
    """

    RIGHT = "right"
    WRONG = "wrong"
    UNPARSED = "unparsed"
    TIMEOUT = "timeout"
    ERROR = "error"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Judgement:
    """A verdict and, in one line, why. `by` is who says so, where that is not the same for the whole table; `parts`
    are the verdicts that it was combined from."""

    verdict: Verdict
    reason: str
    seconds: float = 0.0
    by: str = ""
    parts: tuple[Judgement, ...] = ()


def combined(first: Judgement, second: Judgement, rule: Literal["first", "judge", "both"]) -> Judgement:
    """One verdict of two: of the one who decided (`right` or `wrong`); where both did and differ, by the rule."""
    decided = [part for part in (first, second) if part.verdict in (Verdict.RIGHT, Verdict.WRONG)]
    chosen = second if decided == [second] else first
    if len(decided) == 2 and first.verdict != second.verdict:
        chosen = second if rule == "judge" else first
        if rule == "both":
            told = f"{first.by} says {first.verdict} ({first.reason}), {second.by} {second.verdict} ({second.reason})"
            chosen = Judgement(Verdict.WRONG, told, by="both")
    return replace(chosen, parts=(first, second))


def judged(
    answers: pl.LazyFrame,
    columns: tuple[str, ...],
    by: str,
    judge: Callable[[list[Row]], Iterable[Judgement]],
    batch_rows: int = BATCH_ROWS,
    several: bool = False,
) -> Iterator[pl.LazyFrame]:
    """Yield `answers` in order, in batches, with `verdict`, `verdict_by`, `verdict_reason`, `verdict_seconds`.

    `judge` gets the `columns` of a batch as dicts and gives one judgement a row. All other columns are kept. With
    `several` there is a column `verdicts` as well, of what each verdict was combined from.
    """
    empty = True
    for batch in answers.collect_batches(chunk_size=batch_rows, maintain_order=True, lazy=True):
        if batch.is_empty():
            continue
        empty = False
        yield _with_verdicts(batch, list(judge(batch.select(columns).to_dicts())), by, several).lazy()
    if empty:
        yield _with_verdicts(pl.DataFrame(schema=answers.collect_schema()), [], by, several).lazy()


def _with_verdicts(batch: pl.DataFrame, judgements: list[Judgement], by: str, several: bool) -> pl.DataFrame:
    verdicts: dict[str, list[Any]] = {
        "verdict": [judgement.verdict.value for judgement in judgements],
        "verdict_by": [judgement.by or by for judgement in judgements],
        "verdict_reason": [one_line(judgement.reason) for judgement in judgements],
        "verdict_seconds": [judgement.seconds for judgement in judgements],
    }
    kinds = dict(VERDICT)
    if several:
        kinds["verdicts"] = VERDICTS
        verdicts["verdicts"] = [[_told(part) for part in judgement.parts] for judgement in judgements]
    return batch.with_columns(pl.Series(name, verdicts[name], dtype) for name, dtype in kinds.items())


def _told(part: Judgement) -> dict[str, str]:
    return {"by": part.by, "verdict": part.verdict.value, "reason": one_line(part.reason)}


def one_line(text: str) -> str:
    """`text` on one line of at most 300 characters, which any UTF-8 file can hold."""
    plain = "".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in text[: 10 * REASON_CHARS])
    line = " ".join(plain.split()).encode("utf-8", "replace").decode()
    return line if len(line) <= REASON_CHARS else line[: REASON_CHARS - 3] + "..."
