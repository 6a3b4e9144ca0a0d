"""Spot checks of what a rule by Indel ratio left and took: by rapidfuzz, pair by pair, and none of its machinery.

Plants say that a rule finds what is made for it; these look at the rows that it was really given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import polars as pl

# Rules that leave no pair at their threshold; `dedup.indel` as it was published leaves some.
RULES = frozenset({"dedup.indel", "dedup.number_aware", "decontaminate.indel", "decontaminate.indel_or_ngram"})

# Rows that are looked at, the most that each is compared with, and those that are drawn for it.
ROWS, PARTNERS, _DRAWN = 40, 5_000, 20_000
# Characters of what is looked at: of longer texts the ratio would take too long.
_CHARS = 2_000
# Texts that begin with the same characters are the likeliest to be alike.
_HEAD = 24
# How far below the threshold rapidfuzz is told to give up: of some pairs that are right at a cutoff it says 0.
_BELOW = 1e-3
_INDEL_RULES = ("indel", "number_aware")


class Spots(NamedTuple):
    """How many rows were looked at, in how many pairs, and the first two texts that are not as the rule says."""

    rows: int
    pairs: int
    broken: tuple[str, str] | None


def left(
    kept: pl.LazyFrame,
    others: pl.LazyFrame | None,
    threshold: float,
    matches: Callable[[str, str], bool],
) -> Spots:
    """Some kept rows beside some `others`, or each other, that they must not be like: broken is a pair that `matches`.

    Columns in, of both: question_id, question. Compared are some of those drawn whose length can reach `threshold`, and
    those that begin alike.
    """
    import numpy as np
    from rapidfuzz import fuzz, process

    drawn = _drawn(kept)
    rows, among_themselves = drawn.head(ROWS), others is None
    if others is None:
        others = kept
    else:
        drawn = _drawn(others)
    heads = rows.select(pl.col("question").str.head(_HEAD).alias("head")).unique().lazy()
    begin = others.select("question_id", "question").with_columns(head=pl.col("question").str.head(_HEAD))
    alike = begin.filter(_short()).join(heads, on="head", how="semi").head(PARTNERS).collect(engine="streaming")
    pairs, length = 0, pl.col("question").str.len_chars()
    for name, text in rows.select("question_id", "question").iter_rows():
        least, most = len(text) * threshold / (200 - threshold), len(text) * (200 - threshold) / threshold
        near = drawn.filter(length.is_between(least - _BELOW, most + _BELOW)).head(PARTNERS)
        same_head = alike.filter(pl.col("head") == text[:_HEAD])
        partners = pl.concat([part.select("question_id", "question") for part in (near, same_head)])
        if among_themselves:
            partners = partners.filter(pl.col("question_id") != name)
        other = partners["question"].to_list()
        pairs += len(other)
        scores = process.cdist([text], other, scorer=fuzz.ratio, score_cutoff=threshold - _BELOW, dtype=np.float64)
        for place in np.flatnonzero(scores[0] >= threshold).tolist() if other else []:
            if matches(text, other[place]):
                return Spots(len(rows), pairs, (text, other[place]))
    return Spots(len(rows), pairs, None)


def took(dropped: pl.LazyFrame, twins: pl.LazyFrame, threshold: float) -> Spots:
    """Some rows that went by their ratio beside their twins: broken is one that does not reach `threshold` with it.

    Columns in: question_id, question, and of `dropped` drop_evidence. A twin that is nowhere has no text.
    """
    from rapidfuzz import fuzz

    evidence = pl.col("drop_evidence").cast(pl.String)
    told = {name: evidence.str.json_path_match(f"$.{name}") for name in ("rule", "twin")}
    named = dropped.filter(_short(), told["rule"].is_in(_INDEL_RULES)).select("question_id", "question", **told)
    rows = _lowest(named, ROWS).collect(engine="streaming")
    wanted = rows.select(pl.col("twin").alias("question_id")).drop_nulls().unique().lazy()
    texts = twins.select(pl.col("question_id").cast(pl.String), "question").join(wanted, on="question_id", how="semi")
    known: dict[str, list[str]] = {}
    for name, text in texts.drop_nulls().collect(engine="streaming").iter_rows():
        known.setdefault(name, []).append(text)
    for text, twin in rows.select("question", "twin").iter_rows():
        stated = known.get(twin, [])
        if not any(fuzz.ratio(text, other) >= threshold for other in stated):
            return Spots(len(rows), len(rows), (text, stated[0] if stated else ""))
    return Spots(len(rows), len(rows), None)


def _short() -> pl.Expr:
    return pl.col("question").str.len_chars().is_between(1, _CHARS)


def _drawn(rows: pl.LazyFrame) -> pl.DataFrame:
    return _lowest(rows.select("question_id", "question").filter(_short()), _DRAWN).collect(engine="streaming")


def _lowest(rows: pl.LazyFrame, most: int) -> pl.LazyFrame:
    """The rows whose id has the lowest hash, lowest first: the same ones whatever their order."""
    place = pl.col("question_id").hash().alias("__place")
    return rows.with_columns(place).bottom_k(most, by="__place").sort("__place", "question_id").drop("__place")
