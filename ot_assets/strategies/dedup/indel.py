"""Questions that read almost like an earlier one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import polars as pl
from pydantic import Field

from ot_assets.strategies.dropping import split
from ot_assets.strategies.ranking import ROW
from ot_assets.strategies.registry import Split, strategy

if TYPE_CHECKING:
    import numpy as np

_BLOCK_ROWS = 256
_BLOCK_COLUMNS = 8192
# What `rapidfuzz.process.extract` returns where nobody says how many.
_MATCHES = 5


class Pairs(NamedTuple):
    """Texts that match, by number: `later` with the `earlier` one, and the ratio of the two."""

    later: np.ndarray
    earlier: np.ndarray
    score: np.ndarray


@strategy(stage="dedup", version=1)
def indel(
    questions: pl.LazyFrame,
    *,
    threshold: Annotated[float, Field(gt=1, le=100)] = 95.0,
    compat: Literal["five_matches"] | None = None,
) -> Split:
    """Drop what has an Indel ratio of at least `threshold` (a percentage) with an earlier question.

    The ratio is `rapidfuzz.fuzz.ratio` on the raw texts: 100 for equal ones, 95 for an edit in twenty characters. The
    order is that of the input, and an earlier question counts whether it stays or not. Dropped as `near_duplicate` with
    the twin, the earlier question of the highest ratio (of equal ones the first), its text and the ratio. A null
    question has no twin. The ratio does not know numbers: of many questions that differ in one figure, one stays.

    OpenThoughts-114k and OpenThoughts2: 95 (open-thoughts repository, deduplicate.py); OpenThoughts3's ablation: 90
    (_C2_MSD configs), with 16 answers a science question 36.1 on average, exact 36.2, none 35.7 (paper, table 5).
    The original asks `process.extract` for matches and gets the best five, the text itself among them, so that of a
    large cluster several stay (3.0 of 20, 3.5 of 50 in a simulation): `compat: five_matches` does so too.

    Every pair of like length is compared, in blocks: the texts are held in memory, the rows stream past them.

    Columns in: question, question_id. Columns out: the same.
    """
    told = _twins(questions.select("question_id", "question").collect(), threshold, compat is not None)
    joined = questions.with_row_index(ROW).join(told.lazy(), on=ROW, how="left", maintain_order="left")
    return split(
        joined,
        pl.col("twin").is_null(),
        reason="near_duplicate",
        evidence=pl.struct(
            "twin",
            pl.col("twin_text"),
            pl.lit("indel").alias("rule"),
            pl.col("score").round(4),
            pl.lit(threshold).alias("threshold"),
        ),
        scratch=(ROW, "twin", "twin_text", "score"),
    )


def _twins(rows: pl.DataFrame, threshold: float, five: bool) -> pl.DataFrame:
    """Row number, twin's id and text, and ratio, of every row that is dropped."""
    import numpy as np

    numbered = rows.with_row_index(ROW).filter(pl.col("question").is_not_null())
    firsts = numbered.unique("question", keep="first", maintain_order=True)
    texts = firsts["question"].to_list()
    score, twin = np.zeros(len(texts)), np.full(len(texts), -1, dtype=np.int64)
    for pairs in _best_five(texts, threshold) if five else matches(texts, threshold):
        best = _best(pairs)
        known, known_twin = score[best.later], twin[best.later]
        better = (best.score > known) | ((best.score == known) & (best.earlier < known_twin))
        score[best.later[better]], twin[best.later[better]] = best.score[better], best.earlier[better]
    near = firsts.with_columns(
        pl.Series("score", score),
        pl.Series("twin_number", twin),
    ).filter(pl.col("twin_number") >= 0)
    places = near["twin_number"]
    near = near.select(
        ROW,
        firsts["question_id"].gather(places).alias("twin"),
        firsts["question"].gather(places).str.head(200).alias("twin_text"),
        "score",
    )
    # The same text again is nearest to its first.
    again = numbered.join(
        firsts.select("question", pl.col(ROW).alias("first"), pl.col("question_id").alias("twin")), on="question"
    )
    again = again.filter(pl.col(ROW) != pl.col("first")).select(
        ROW, "twin", pl.col("question").str.head(200).alias("twin_text"), pl.lit(100.0).alias("score")
    )
    return pl.concat([near, again])


def _best(pairs: Pairs) -> Pairs:
    """Of each `later` the pair of the highest score, of equal scores that with the lowest `earlier`."""
    import numpy as np

    order = np.lexsort((pairs.earlier, -pairs.score, pairs.later))
    later = pairs.later[order]
    first = np.flatnonzero(np.r_[True, later[1:] != later[:-1]]) if len(later) else order
    chosen = order[first]
    return Pairs(*(column[chosen] for column in pairs))


def matches(texts: list[str], threshold: float) -> Iterator[Pairs]:
    """Every pair of different texts with `rapidfuzz.fuzz.ratio` of at least `threshold`, once, block by block.

    The ratio is 200 * lcs / (l1 + l2), so that two texts can only reach t where the shorter one has at least
    t / (200 - t) of the longer one's characters: sorted by length, a block of texts is compared with the texts
    from itself on that are not too long.
    """
    import numpy as np
    from rapidfuzz import fuzz, process

    order = np.array(sorted(range(len(texts)), key=lambda number: len(texts[number])), dtype=np.int64)
    ordered = [texts[number] for number in order]
    lengths = np.array([len(text) for text in ordered], dtype=np.int64)
    share = threshold / (200.0 - threshold)
    for start in range(0, len(ordered), _BLOCK_ROWS):
        end = min(start + _BLOCK_ROWS, len(ordered))
        high = int(np.searchsorted(lengths, lengths[end - 1] / share + 1e-6, side="right"))
        for low in range(start, high, _BLOCK_COLUMNS):
            scores = process.cdist(
                ordered[start:end],
                ordered[low : min(low + _BLOCK_COLUMNS, high)],
                scorer=fuzz.ratio,
                score_cutoff=threshold,
                dtype=np.float64,
                workers=-1,
            )
            one, other = np.nonzero(scores)
            once = start + one < low + other
            one, other = one[once], other[once]
            pair = order[start + one], order[low + other]
            yield Pairs(np.maximum(*pair), np.minimum(*pair), scores[one, other])


def _best_five(texts: list[str], threshold: float) -> Iterator[Pairs]:
    """The pairs that `process.extract` finds: each text with its best five matches, itself among them.

    Of equal scores the earlier text comes first; the original asks a set, in no order.
    """
    import numpy as np

    found = list(matches(texts, threshold))
    if not found:
        return
    pairs = Pairs(*(np.concatenate(column) for column in zip(*found, strict=True)))
    asked = np.r_[pairs.later, pairs.earlier]
    match = np.r_[pairs.earlier, pairs.later]
    score = np.r_[pairs.score, pairs.score]
    order = np.lexsort((match, -score, asked))
    starts = np.r_[True, asked[order][1:] != asked[order][:-1]] if len(order) else np.array([], dtype=bool)
    place = np.arange(len(order)) - np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    kept = order[place < _MATCHES - 1]
    yield Pairs(np.maximum(asked[kept], match[kept]), np.minimum(asked[kept], match[kept]), score[kept])
