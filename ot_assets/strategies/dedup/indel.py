"""Questions that read almost like an earlier one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import polars as pl
from pydantic import Field

from ot_assets.strategies.dedup.twins import drop_near
from ot_assets.strategies.registry import Split, strategy

if TYPE_CHECKING:
    from ot_assets.similarity.pairs import Pairs

# What `rapidfuzz.process.extract` returns where nobody says how many.
_MATCHES = 5


@strategy(stage="dedup", version=3)
def indel(
    questions: pl.LazyFrame,
    *,
    threshold: Annotated[float, Field(gt=1, le=100)] = 95.0,
    order: tuple[str, ...] = (),
    compat: Literal["five_matches"] | None = None,
) -> Split:
    """Drop what has an Indel ratio of at least `threshold` (a percentage) with an earlier question.

    The ratio is `rapidfuzz.fuzz.ratio` on the raw texts: 100 for equal ones, 95 for an edit in twenty characters.
    Earlier is what comes first by the columns in `order` ("-name": the greatest first), ties and an empty `order` by
    the input; an earlier question counts whether it stays or not. Dropped as `near_duplicate` with the twin (the
    earlier question of the highest ratio, of equal ones the first), its text, the ratio, and the longest run that both
    have. A null question has no twin. The ratio does not know numbers: of many questions that differ in one figure, one
    stays (`dedup.number_aware` keeps them).

    OpenThoughts-114k and OpenThoughts2: 95 (open-thoughts repository, deduplicate.py); OpenThoughts3's ablation: 90
    (_C2_MSD configs), with 16 answers a science question 36.1 on average, exact 36.2, none 35.7 (paper, table 5).
    The original asks `process.extract` for matches and gets the best five, the text itself among them, so that of a
    large cluster several stay (3.0 of 20, 3.5 of 50 in a simulation): `compat: five_matches` does so too.

    All pairs that reach the threshold are found without comparing all: ot_assets/similarity/indel.py says how and why
    none is lost. The different texts are held in memory; a million of 300 characters take about 2 GB.

    Columns in: question, question_id, and those of `order`. Columns out: the same.
    """

    def find(texts: list[str]) -> Iterator[Pairs]:
        from ot_assets.similarity.indel import pairs_within

        found = pairs_within(texts, threshold)
        return found if compat is None else _best_five(found)

    told = {"rule": "indel", "threshold": threshold}
    return drop_near(questions, find, order=order, where="dedup.indel", told=told)


def _best_five(found: Iterator[Pairs]) -> Iterator[Pairs]:
    """The pairs that `process.extract` finds: each text with its best five matches, itself among them.

    Of equal scores the earlier text comes first; the original asks a set, in no order.
    """
    import numpy as np

    from ot_assets.similarity.pairs import Pairs, closest

    both = (Pairs(np.r_[p.left, p.right], np.r_[p.right, p.left], np.r_[p.score, p.score]) for p in found)
    kept = closest(both, _MATCHES - 1)
    yield Pairs(np.minimum(kept.left, kept.right), np.maximum(kept.left, kept.right), kept.score)
