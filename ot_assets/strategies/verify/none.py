"""No verification, for a stated reason."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from ot_assets.strategies.registry import strategy
from ot_assets.strategies.verify.verdict import Judgement, Row, Verdict, judged


@strategy(stage="verify", version=1, needs=("answer",))
def none(answers: pl.LazyFrame, *, reason: str) -> Iterator[pl.LazyFrame]:
    """Give every answer the verdict `unavailable` with `not verified: <reason>`.

    OpenThoughts-114k keeps its science answers so, and OpenThoughts3-1.2M published no verification at all.
    Columns in: any. Columns out: the same, and the four of a verdict.
    """

    def judge(rows: list[Row]) -> list[Judgement]:
        return [Judgement(Verdict.UNAVAILABLE, f"not verified: {reason}")] * len(rows)

    return judged(answers, ("answer",), "none@1", judge)
