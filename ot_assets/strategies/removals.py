"""What a dedup or a decontamination took out, read off its evidence: with whom, by what, and how unlike the two are.

Evidence is JSON that any strategy may have written: what it does not say is null here.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import NamedTuple

import polars as pl

# What is read of the evidence.
TOLD = ("twin", "twin_text", "rule", "score", "matched", "against")
# Rules that look at a part of a question only.
RUN_RULES = ("ngram", "whole_item")

SAME, NUMBERS, RUN, WORDS, UNKNOWN = (
    "same text",
    "only numbers differ",
    "shares a run only",
    "words differ",
    "no twin named",
)
CLASSES = (SAME, NUMBERS, RUN, WORDS, UNKNOWN)

# Comparing numbers is Python's work, some 200 microseconds a pair.
_COMPARED = 20_000


def told(dropped: pl.LazyFrame) -> pl.LazyFrame:
    """`dropped` with a column of text for each of `TOLD`."""
    evidence = pl.col("drop_evidence").cast(pl.String)
    return dropped.with_columns(evidence.str.json_path_match(f"$.{name}").alias(name) for name in TOLD)


def beside_twins(dropped: pl.LazyFrame, twins: pl.LazyFrame) -> pl.LazyFrame:
    """question_id, question, `TOLD` and `twin_question` of each removal.

    `twins` are all rows that may be twins: question_id, question. Of a twin that is not there the evidence has the
    beginning.
    """
    removed = told(dropped).select("question_id", "question", *TOLD)
    wanted = removed.select(pl.col("twin").alias("question_id")).drop_nulls().unique()
    texts = twins.select(pl.col("question_id").cast(pl.String), "question").join(wanted, on="question_id", how="semi")
    texts = texts.unique("question_id").rename({"question_id": "twin", "question": "twin_question"})
    joined = removed.join(texts, on="twin", how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("twin_question", "twin_text").alias("twin_question"))


def differences(dropped: pl.LazyFrame, twins: pl.LazyFrame) -> pl.DataFrame:
    """question_id and `difference` of each removal: one of `CLASSES`, how it differs from its twin.

    All texts are read for that, once; the rows of interest are then looked up with `beside_twins`.
    """
    one, other = (_plain(pl.col(name)) for name in ("question", "twin_question"))
    masked = [text.str.replace_all(r"\d+", "0") for text in (one, other)]
    difference = (
        pl.when(pl.col("twin_question").is_null())
        .then(pl.lit(UNKNOWN))
        .when(one == other)
        .then(pl.lit(SAME))
        .when(masked[0] == masked[1])
        .then(pl.lit(NUMBERS))
        .when(pl.col("rule").is_in(RUN_RULES))
        .then(pl.lit(RUN))
        .otherwise(pl.lit(WORDS))
    )
    pairs = beside_twins(dropped, twins).select("question_id", difference.alias("difference"))
    return pairs.collect(engine="streaming")


def _plain(text: pl.Expr) -> pl.Expr:
    """The text without case, white space, dollar signs, LaTeX spaces, and punctuation at the end of a word."""
    bare = text.str.to_lowercase().str.replace_all(r"\\[,;:! ]|\\q?quad|\\(left|right)\b|\$", "")
    return bare.str.replace_all(r"[.,;:!?'\"]+(\s|$)", "").str.replace_all(r"\s+", "")


def sampled(rows: pl.LazyFrame, most: int) -> pl.DataFrame:
    """At most so many rows, the same ones whatever their order: those whose id has the lowest hash."""
    ids = rows.select("question_id", pl.col("question_id").hash().alias("__place")).bottom_k(most, by="__place")
    chosen = ids.collect(engine="streaming").lazy()
    return (
        rows.join(chosen, on="question_id").sort("__place", "question_id").drop("__place").collect(engine="streaming")
    )


class Cluster(NamedTuple):
    """Rows that lost against one, in the end or at once: its id, and how many they are."""

    root: str
    size: int


def most_taken(dropped: pl.LazyFrame) -> Cluster | None:
    """The twin that most removals name, and how many do; of equal ones the first by id."""
    counts = told(dropped).select("twin").drop_nulls().group_by("twin").len("size").collect(engine="streaming")
    first = counts.sort("size", "twin", descending=[True, False]).head(1)
    return Cluster(*first.row(0)) if first.height else None


def largest_cluster(dropped: pl.LazyFrame) -> tuple[Cluster | None, int]:
    """The largest cluster of removals and their twins, and how many removals have a twin that was removed itself.

    The row that stays for the others is one of the cluster.
    """
    import numpy as np

    from ot_assets.similarity.clusters import roots

    named = told(dropped).select(pl.col("question_id").cast(pl.String), "twin").drop_nulls()
    edges = named.unique("question_id").collect(engine="streaming")
    if edges.is_empty():
        return None, 0
    names = pl.concat([edges["question_id"], edges["twin"]]).unique().sort()
    numbers = pl.DataFrame({"name": names}).with_row_index("number")
    removed, twins = (edges.select(name=side).join(numbers, on="name", maintain_order="left") for side in edges.columns)
    parents = np.arange(len(names))
    parents[removed["number"].to_numpy()] = twins["number"].to_numpy()
    sizes = np.bincount(roots(parents), minlength=len(names))
    largest = int(sizes.argmax())
    chained = edges["twin"].is_in(edges["question_id"].implode()).sum()
    return Cluster(names[largest], int(sizes[largest])), int(chained)


def by_source(kept: pl.LazyFrame, dropped: pl.LazyFrame) -> pl.DataFrame:
    """source, rows (that came in), removed: the source that lost the largest share first."""
    both = pl.concat(
        [
            rows.select(pl.col("source").cast(pl.String), pl.lit(gone).alias("gone"))
            for rows, gone in ((kept, 0), (dropped, 1))
        ]
    )
    counts = both.group_by("source").agg(pl.len().alias("rows"), pl.col("gone").sum().alias("removed"))
    share = pl.col("removed") / pl.col("rows")
    return counts.collect(engine="streaming").sort(share, "rows", "source", descending=[True, True, False])


def boilerplate(dropped: pl.LazyFrame, at_least: int) -> list[tuple[str, int]]:
    """The runs of text that took at least so many rows each, the one that took most first."""
    run = pl.col("matched").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    runs = told(dropped).filter(pl.col("rule").is_in(RUN_RULES)).select(run.alias("run")).drop_nulls()
    counts = runs.group_by("run").len().filter(pl.col("len") >= at_least).collect(engine="streaming")
    return list(counts.sort("len", "run", descending=[True, False]).iter_rows())


class NumberTwins(NamedTuple):
    """Removals with other numbers, operators or units than their twin: how many, of how many, and the first."""

    differ: int
    looked_at: int
    first: tuple[str, str] | None


def number_twins(dropped: pl.LazyFrame, twins: pl.LazyFrame, differ: pl.DataFrame) -> NumberTwins:
    """Of the removals that `differences` finds to have another text; of very many only a sample is looked at.

    Some strategies go by `quantities` themselves, and what it does not see it would not see here: so as many digits,
    but other ones, count as well, whatever it says.
    """
    from ot_assets.similarity.quantities import quantities

    unlike = sampled(differ.lazy().filter(pl.col("difference").is_in([NUMBERS, WORDS])), _COMPARED)
    texts = beside_twins(only(dropped, unlike), twins).select("question", "twin_question").drop_nulls()
    pairs = texts.collect(engine="streaming")
    differing = [
        (one, other)
        for one, other in pairs.iter_rows()
        if quantities(one) != quantities(other) or _exchanged(_values(one), _values(other))
    ]
    return NumberTwins(len(differing), len(pairs), differing[0] if differing else None)


def _values(text: str) -> tuple[float, ...]:
    """What every character of `text` that has a numeric value is worth, in order: 1, 2, 0.5 of `12½`."""
    told = (unicodedata.numeric(character, -1.0) for character in text)
    return tuple(value for value in told if value >= 0)


def _exchanged(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether a digit is another; four for 4 is one fewer."""
    return len(one) == len(other) and one != other


def only(rows: pl.LazyFrame, chosen: pl.DataFrame) -> pl.LazyFrame:
    """The rows whose question_id is among the `chosen`, in their order."""
    return rows.join(chosen.lazy().select("question_id"), on="question_id", how="semi", maintain_order="left")


def counted(counts: Counter[str]) -> str:
    """How many removals there are of each class, in words."""
    return ", ".join(f"{name} {counts[name]:,}" for name in CLASSES if counts[name])
