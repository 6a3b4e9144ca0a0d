"""A fastText classifier of two kinds of text, trained where it is used.

OpenThoughts3 trains one from questions that are wanted (`__label__QA_doc`) and questions that are not
(`__label__Not_QA_doc`) and scores each question by P(wanted): engine/operators/train_fasttext_operator.py and
fasttext_operator.py of its data engine. A line of the training file:

    __label__QA_doc Let $n$ be a positive integer. Find the remainder when ...

The model lives in memory only; the training file lies in a temporary folder until it is trained. The library is
floret, fastText by another hand: it trains the same models. fastText's own packages set a tenth of the weights when
there is one thread (facebookresearch/fastText, issue 1061) and leave the others as memory had them, so that two
trainings differ, or end with "Encountered NaN"; in floret the others are zero.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ot_assets.strategies.filter.scoring import ERROR
from ot_resources.interfaces import BadInput

POSITIVE = "__label__QA_doc"
NEGATIVE = "__label__Not_QA_doc"
_READ_ROWS = 4096


@dataclass(frozen=True)
class Settings:
    """How it is trained; as published, but for `buckets`, the rows for n-grams (fastText's own default)."""

    dim: int = 256
    epochs: int = 3
    lr: float = 0.1
    word_ngrams: int = 3
    min_count: int = 3
    buckets: int = 2_000_000
    seed: int = 42


class Classifier:
    """A trained model."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def score(self, texts: Sequence[str | None]) -> list[float | None]:
        """P(wanted) of each text, from 0 to 1; None for one that is null or blank."""
        return [self._odds(one_line(text or "")) for text in texts]

    def _odds(self, line: str) -> float | None:
        if not line:
            return None
        # Not floret's own predict: of one line it fails with numpy 2, of several it repeats the first probability.
        told = {label: odds for odds, label in self._model.f.predict(f"{line}\n", 2, 0.0, "strict")}
        # fastText adds 1e-5 to every probability
        return min(told.get(POSITIVE, 0.0), 1.0)


def train(
    positives: Iterable[str | None], negatives: Iterable[str | None], settings: Settings, where: str
) -> Classifier:
    """A classifier of the two kinds of text; BadInput where there is nothing to learn from.

    The same texts and settings give the same model: one thread, a seed, and the lines in the order of
    sha256(seed, line), whatever order they come in. fastText does not shuffle, and learns little from a file that
    holds one kind after the other.
    """
    try:
        import floret
    except ImportError:
        raise BadInput(
            f"{where}: needs the package floret, which is built for Python 3.11 and 3.12; "
            "elsewhere 'pip install floret' compiles it"
        ) from None

    lines = list(_lines(positives, POSITIVE, "positives", where)) + list(
        _lines(negatives, NEGATIVE, "negatives", where)
    )
    lines.sort(key=lambda line: hashlib.sha256(f"{settings.seed}:{line}".encode()).digest())
    with tempfile.TemporaryDirectory(prefix="ot-fasttext-") as folder:
        file = Path(folder) / "train.txt"
        with file.open("w", encoding="utf-8", newline="\n") as out:
            out.writelines(f"{line}\n" for line in lines)
        model = floret.train_supervised(
            input=str(file),
            dim=settings.dim,
            epoch=settings.epochs,
            lr=settings.lr,
            wordNgrams=settings.word_ngrams,
            minCount=settings.min_count,
            bucket=settings.buckets,
            seed=settings.seed,
            thread=1,
            verbose=0,
        )
    if not set(model.words) - {"</s>"}:
        raise BadInput(f"{where}: no word of positives and negatives occurs {settings.min_count} times ('min_count')")
    return Classifier(model)


def score_rows(rows: pl.LazyFrame, text: pl.Expr, classifier: Classifier, score: str) -> pl.DataFrame:
    """One row a row, in order: the column `score` (Float64), and `__error` where the text is empty."""
    scores: list[float | None] = []
    texts = rows.select(text.alias("text"))
    for batch in texts.collect_batches(chunk_size=_READ_ROWS, maintain_order=True, lazy=True):
        scores += classifier.score(batch["text"].to_list())
    frame = pl.DataFrame({score: scores}, schema={score: pl.Float64})
    return frame.with_columns(pl.when(pl.col(score).is_null()).then(pl.lit("no text")).alias(ERROR))


def one_line(text: str) -> str:
    """`text` as fastText may read it: on one line, without its two marks (a label, the end of a line)."""
    words = text.replace("\0", " ").split()
    marked = (f"_{word}" if word.startswith("__label__") or word == "</s>" else word for word in words)
    return " ".join(marked).encode("utf-8", "replace").decode()


def _lines(texts: Iterable[str | None], label: str, name: str, where: str) -> Iterator[str]:
    empty = True
    for text in texts:
        line = one_line(text or "")
        if line:
            empty = False
            yield f"{label} {line}"
    if empty:
        raise BadInput(f"{where}: '{name}': no text in any row")
