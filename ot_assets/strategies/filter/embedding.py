"""Questions that are close to those of a good set, told by sentence embeddings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Literal

import polars as pl

from ot_assets.contracts import Rows
from ot_assets.strategies.filter.scoring import ERROR, check_keep, keep_best
from ot_assets.strategies.registry import Split, strategy
from ot_resources.interfaces import BadInput, Embedder

if TYPE_CHECKING:
    import numpy as np

_SCORE = "embedding_score"
_READ_ROWS = 1024
# Always so many texts together: what stands beside a text moves its vector in the seventh digit.
_TEXTS = 1024
_DIGITS = 6


@strategy(stage="filter", version=1, packages=("sentence-transformers",))
def embedding(
    questions: pl.LazyFrame,
    *,
    embedder: Embedder,
    positives: pl.LazyFrame,
    negatives: pl.LazyFrame,
    keep: Rows | dict[str, Rows] | None = None,
    at_least: float | None = None,
    per_source: bool = False,
    seed: int = 42,
    by: Literal["mean", "max"] = "mean",
    compat: Literal["input_order"] | None = None,
) -> Split:
    """Keep the questions that lie closest to `positives` and farthest from `negatives`, two tables of questions.

    The score is the mean similarity (cosine) to the positives less that to the negatives; with `by: max` that to the
    nearest of each. It is rounded to 6 digits. What is not among the `keep` best (of all, of each source, or {source:
    how many}), or below `at_least`, is dropped as `unlike_positives`; an empty question as `no_score`. For the mean
    two vectors are held, for the nearest those of all positives and negatives.

    OpenThoughts3 (InstructionFiltering/EmbeddingFilter): OpenAI's text-embedding-3-large, with both ways of comparing;
    it lost in every domain (paper, table 4). Sets as for `filter.fasttext`. The original sorts and cuts:
    `compat="input_order"` keeps the earlier of equal scores.

    Columns in: question, question_id, source for a cut by source; of the tables question. Columns out: the same and
    `embedding_score` (Float64, -2 to 2). BadInput: a table without text, or nothing that says what is kept.
    """
    where = "filter.embedding"
    check_keep(questions, keep=keep, at_least=at_least, per_source=per_source, where=where)
    to_wanted = _similarity(positives, "positives", embedder, by, where)
    to_unwanted = _similarity(negatives, "negatives", embedder, by, where)
    scores: list[float | None] = []
    for texts in _batches(_texts(questions)):
        told = [place for place, text in enumerate(texts) if text is not None]
        batch: list[float | None] = [None] * len(texts)
        if told:
            vectors = embedder.embed([texts[place] or "" for place in told])
            difference = (to_wanted(vectors) - to_unwanted(vectors)).round(_DIGITS)
            for place, score in zip(told, difference.tolist(), strict=True):
                batch[place] = score
        scores += batch
    frame = pl.DataFrame({_SCORE: scores}, schema={_SCORE: pl.Float64})
    return keep_best(
        questions,
        frame.with_columns(pl.when(pl.col(_SCORE).is_null()).then(pl.lit("no text")).alias(ERROR)),
        score=_SCORE,
        keep=keep,
        at_least=at_least,
        per_source=per_source,
        seed=seed,
        low="unlike_positives",
        failed="no_score",
        evidence={"model": embedder.model},
        compat=compat,
        where=where,
    )


def _similarity(
    table: pl.LazyFrame, name: str, embedder: Embedder, by: Literal["mean", "max"], where: str
) -> Callable[[np.ndarray], np.ndarray]:
    """How like the table each of some vectors is: on average (the product with its mean vector), or at the nearest."""
    import numpy as np

    total, count, all_vectors = np.zeros(1), 0, []
    for texts in _batches(text for text in _texts(table) if text is not None):
        vectors = embedder.embed([text or "" for text in texts])
        total = total + vectors.sum(axis=0, dtype=np.float64)
        count += len(texts)
        if by == "max":
            all_vectors.append(vectors)
    if not count:
        raise BadInput(f"{where}: '{name}': no text in any row")
    if by == "mean":
        mean = total / count
        return lambda vectors: vectors.astype(np.float64) @ mean
    known = np.concatenate(all_vectors).T
    return lambda vectors: (vectors @ known).max(axis=1).astype(np.float64)


def _texts(rows: pl.LazyFrame) -> Iterator[str | None]:
    """The questions in their order, None for a blank one."""
    narrow = rows.select("question")
    for batch in narrow.collect_batches(chunk_size=_READ_ROWS, maintain_order=True, lazy=True):
        for text in batch["question"]:
            yield text if text and text.strip() else None


def _batches(texts: Iterator[str | None]) -> Iterator[list[str | None]]:
    while batch := list(islice(texts, _TEXTS)):
        yield batch
