"""Answers by what their check said of them, the wrong ones too."""

from __future__ import annotations

from typing import Literal

import polars as pl

from ot_assets.strategies.dropping import split
from ot_assets.strategies.registry import Split, strategy

Verdict = Literal["right", "wrong", "unparsed", "timeout", "error", "unavailable", "missing"]


@strategy(stage="select", version=1, needs=("verdict",))
def verdict(answers: pl.LazyFrame, *, keep: list[Verdict]) -> Split:
    """Keep the answers with one of the verdicts of `keep`; drop the others as `verdict_right`, `verdict_wrong` ...

    An answer without a verdict has the verdict `missing`. For studies of what verification is worth: a cell of wrong
    answers alone is the control that has to lose, and [wrong, unparsed] is what `select.verified` throws away.

    Columns in: verdict. Columns out: the same.
    """
    said = pl.col("verdict").fill_null("missing")
    return split(
        answers,
        said.is_in(list(keep)),
        reason=pl.format("verdict_{}", said),
        evidence=pl.struct("verdict"),
    )
