"""Questions that read almost like an earlier one and count with the same numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import polars as pl
from pydantic import Field

from ot_assets.strategies.dedup.twins import drop_near
from ot_assets.strategies.registry import Split, strategy

if TYPE_CHECKING:
    from ot_assets.similarity.pairs import Pairs


@strategy(stage="dedup", version=3)
def number_aware(
    questions: pl.LazyFrame,
    *,
    threshold: Annotated[float, Field(gt=1, le=100)] = 95.0,
    order: tuple[str, ...] = (),
) -> Split:
    """Drop what `dedup.indel` would, unless numbers, operators, units, signs or names of variables differ.

    Twenty sums are twenty questions, and "find x" is not "find y".

    A question goes when it has an Indel ratio of at least `threshold` (a percentage) with an earlier one whose
    quantities are the same, in the same order (ot_assets/similarity/quantities.py says what counts and what is one
    spelling of another). White space, punctuation and LaTeX that only formats do not count, so such a copy goes. The
    twin is the earlier question of the highest ratio of those. What differs in other words only, say in the name of
    a person, goes as with `dedup.indel`; what gives its variables other letters stays, for a question that is kept
    twice costs less than one that is lost.

    Of 3,813 questions that `dedup.indel` drops of 55,518 real ones 2,191 stay here, nearly all of them questions of
    their own. Of the 1,622 that go, 723 have the text of their twin but for spacing, punctuation and case; 633 are of
    puzzle_bbh, whose templates differ in people's names: most are questions of their own. Of the others, looked at by
    hand (90), one in twenty is.
    Not published: peers ask for it (semhash issue 31).

    Columns in: question, question_id, and those of `order`. Columns out: the same.
    """

    def find(texts: list[str]) -> Iterator[Pairs]:
        from ot_assets.similarity.indel import pairs_within

        return with_equal_quantities(texts, pairs_within(texts, threshold))

    told = {"rule": "number_aware", "threshold": threshold}
    return drop_near(questions, find, order=order, where="dedup.number_aware", told=told)


def with_equal_quantities(texts: list[str], found: Iterable[Pairs], *, at_least: int = 0) -> Iterator[Pairs]:
    """The pairs of texts that count with the same, among it `at_least` so many different numbers.

    A text is read once, when it first occurs in a pair.
    """
    import numpy as np

    from ot_assets.similarity.pairs import Pairs
    from ot_assets.similarity.quantities import quantities

    known: dict[tuple[str, ...], int] = {}
    read = np.full(len(texts), -1, dtype=np.int64)
    enough = np.zeros(len(texts), dtype=bool)
    for pairs in found:
        for text in np.unique(np.r_[pairs.left, pairs.right]):
            if read[text] < 0:
                counted = quantities(texts[text])
                read[text] = known.setdefault(counted, len(known))
                enough[text] = len({entry for entry in counted if entry[0].isdecimal()}) >= at_least
        equal = (read[pairs.left] == read[pairs.right]) & enough[pairs.left]
        yield Pairs(*(column[equal] for column in pairs))
