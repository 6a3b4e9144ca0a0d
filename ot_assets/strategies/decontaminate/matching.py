"""What the decontamination strategies share: benchmark questions, a way to match them, and the drop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ot_assets.contracts import DROPPED
from ot_assets.strategies.dropping import encode
from ot_assets.strategies.ranking import ROW
from ot_assets.strategies.registry import Split

# Evidence for each text that matches a benchmark question, None for the others.
Matcher = Callable[[Sequence[str]], "list[dict[str, Any] | None]"]

_BATCH_ROWS = 50_000
_BLOCK_ROWS = 256


@dataclass(frozen=True)
class Item:
    """One benchmark question."""

    question_id: str
    source: str | None
    text: str

    def evidence(self) -> dict[str, Any]:
        return {"twin": self.question_id, "against": self.source, "twin_text": self.text[:200]}


def read_items(against: pl.LazyFrame) -> list[Item]:
    """The benchmark questions in their order, without nulls. Column in: question; question_id and source if there."""
    schema = against.collect_schema()
    rows = against.select([c for c in ("question_id", "source", "question") if c in schema]).collect()
    return [
        Item(str(row.get("question_id", number)), row.get("source"), row["question"])
        for number, row in enumerate(rows.iter_rows(named=True))
        if row["question"] is not None
    ]


def indel_matcher(items: Sequence[Item], threshold: float) -> Matcher:
    """Matches a text whose `rapidfuzz.fuzz.ratio` with a benchmark question is at least `threshold` (0 to 100).

    The ratio is 200 * lcs / (l1 + l2), so that two texts can only reach t where the shorter one has at
    least t / (200 - t) of the longer one's characters: blocks of texts of like length are compared with that window
    of questions only. The twin is the question with the highest ratio, the first of equal ones.
    """
    import numpy as np
    from rapidfuzz import fuzz, process

    shortest_first = sorted(range(len(items)), key=lambda number: len(items[number].text))
    texts = [items[number].text for number in shortest_first]
    order = np.array(shortest_first, dtype=np.int64)
    lengths = np.array([len(text) for text in texts])
    share = max(threshold, 0.0) / (200.0 - threshold)

    def match(asked: Sequence[str]) -> list[dict[str, Any] | None]:
        found: list[dict[str, Any] | None] = [None] * len(asked)
        by_length = sorted(range(len(asked)), key=lambda number: len(asked[number]))
        for start in range(0, len(by_length), _BLOCK_ROWS):
            block = by_length[start : start + _BLOCK_ROWS]
            shortest, longest = len(asked[block[0]]), len(asked[block[-1]])
            low = int(np.searchsorted(lengths, shortest * share - 1e-6))
            high = len(texts) if share == 0 else int(np.searchsorted(lengths, longest / share + 1e-6, side="right"))
            if low >= high:
                continue
            scores = process.cdist(
                [asked[number] for number in block],
                texts[low:high],
                scorer=fuzz.ratio,
                score_cutoff=threshold,
                dtype=np.float64,
                workers=-1,
            )
            for row in np.flatnonzero(scores.max(axis=1) >= threshold):
                best = float(scores[row].max())
                twin = int(order[low:high][scores[row] == best].min())
                found[block[row]] = {"rule": "indel", "score": round(best, 4), "threshold": threshold} | items[
                    twin
                ].evidence()
        return found

    return match


def drop_matches(questions: pl.LazyFrame, matchers: Sequence[Matcher]) -> Split:
    """Drop as `contaminated` what any matcher matches; the first that matches gives the evidence.

    A null question matches nothing. The texts are read first, by the batch, and the rows stream past what was found:
    what is held in memory is a batch of texts, and the evidence.
    """
    told = [pl.DataFrame(schema={ROW: pl.get_index_type(), "drop_evidence": pl.String})]
    texts = questions.select("question").with_row_index(ROW).filter(pl.col("question").is_not_null())
    for batch in texts.collect_batches(chunk_size=_BATCH_ROWS, maintain_order=True):
        for matcher in matchers:
            found = pl.Series([row and encode(row) for row in matcher(batch["question"].to_list())], dtype=pl.String)
            told.append(batch.select(ROW, drop_evidence=found).drop_nulls())
            batch = batch.filter(found.is_null())
    joined = questions.with_row_index(ROW).join(pl.concat(told).lazy(), on=ROW, how="left", maintain_order="left")
    dropped = joined.filter(pl.col("drop_evidence").is_not_null()).drop(ROW)
    return Split(
        joined.filter(pl.col("drop_evidence").is_null()).drop(ROW, "drop_evidence"),
        dropped.with_columns(drop_reason=pl.lit("contaminated")).select(pl.exclude(*DROPPED), *DROPPED),
    )
