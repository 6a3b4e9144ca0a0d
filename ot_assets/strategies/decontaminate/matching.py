"""What the decontamination strategies share: benchmark questions, a way to match them, and the drop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ot_assets.strategies.dropping import SHOWN, encode, marked, split
from ot_assets.strategies.ranking import ROW
from ot_assets.strategies.registry import Split
from ot_assets.strategies.tables import named_questions
from ot_resources.interfaces import BadInput

# Evidence for each text that matches a benchmark question, None for the others.
Matcher = Callable[[Sequence[str]], "list[dict[str, Any] | None]"]

_TOLD = "__told"
# Rows whose counts and projections stay near the processor.
_BATCH_ROWS = 25_000


@dataclass(frozen=True)
class Item:
    """One benchmark question."""

    question_id: str
    source: str | None
    text: str

    def evidence(self) -> dict[str, Any]:
        return {"twin": self.question_id, "against": self.source, "twin_text": self.text[:SHOWN]}


def read_items(against: pl.LazyFrame) -> list[Item]:
    """The benchmark questions in their order, without nulls. Column in: question; question_id and source if there.

    BadInput: there is no column of questions, or the table cannot be read.
    """
    named = named_questions(against, "against")
    names = named.collect_schema().names()
    try:
        rows = named.select([c for c in ("question_id", "source", "question") if c in names]).collect()
    except pl.exceptions.PolarsError as error:
        raise BadInput(f"against: a table cannot be read ({str(error).splitlines()[0]})") from None
    return [
        Item(str(number) if row.get("question_id") is None else row["question_id"], row.get("source"), row["question"])
        for number, row in enumerate(rows.iter_rows(named=True))
        if row["question"] is not None
    ]


def shared_run(text: str, item: str) -> dict[str, Any]:
    """The longest run that a text shares with an item, as evidence; nothing where they have none in common."""
    from ot_assets.similarity.spans import longest_run

    start, end = longest_run(text, item)
    return marked(text, start, end) if start < end else {}


def indel_matcher(items: Sequence[Item], threshold: float) -> Matcher:
    """Matches a text whose `rapidfuzz.fuzz.ratio` with a benchmark question is at least `threshold` (0 to 100).

    The twin is the question with the highest ratio, the first of equal ones. All are found, without comparing all:
    ot_assets/similarity/indel.py.
    """
    asked_for = [item.text for item in items]

    def match(asked: Sequence[str]) -> list[dict[str, Any] | None]:
        from ot_assets.similarity.indel import pairs_between
        from ot_assets.similarity.pairs import Pairs, nearest

        turned = (Pairs(p.right, p.left, p.score) for p in pairs_between(asked, asked_for, threshold))
        found: list[dict[str, Any] | None] = [None] * len(asked)
        for row, twin, score in zip(*(column.tolist() for column in nearest(turned, len(asked))), strict=True):
            found[row] = {
                "rule": "indel",
                "score": round(score, 4),
                "threshold": threshold,
                **items[twin].evidence(),
                **shared_run(asked[row], asked_for[twin]),
            }
        return found

    return match


def drop_matches(questions: pl.LazyFrame, matchers: Sequence[Matcher]) -> Split:
    """Drop as `contaminated` what any matcher matches; the first that matches gives the evidence.

    A null question matches nothing. The texts are read first, by the batch, and the rows stream past what was found:
    what is held in memory is a batch of texts, and the evidence.
    """
    told = [pl.DataFrame(schema={ROW: pl.get_index_type(), _TOLD: pl.String})]
    texts = questions.select("question").with_row_index(ROW).filter(pl.col("question").is_not_null())
    for batch in texts.collect_batches(chunk_size=_BATCH_ROWS, maintain_order=True):
        for matcher in matchers:
            found = pl.Series([row and encode(row) for row in matcher(batch["question"].to_list())], dtype=pl.String)
            told.append(batch.select(ROW, found.alias(_TOLD)).drop_nulls())
            batch = batch.filter(found.is_null())
    joined = questions.with_row_index(ROW).join(pl.concat(told).lazy(), on=ROW, how="left", maintain_order="left")
    return split(
        joined,
        pl.col(_TOLD).is_null(),
        reason="contaminated",
        evidence=pl.col(_TOLD),
        encoded=True,
        scratch=(ROW, _TOLD),
    )
