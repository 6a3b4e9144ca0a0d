"""Benchmark questions that stand among the rows that a student learns from."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from ot_assets.strategies.prompts import BOXED, CALL, STDIN

_READ_ROWS = 4096
_USERS = ("user", "human")


class Overlap(NamedTuple):
    """One question of a benchmark, and the row of the cell that asks it."""

    benchmark: str
    question_id: str
    row_id: str
    question: str


def overlaps(rows: pl.LazyFrame, benchmarks: pl.LazyFrame) -> list[Overlap]:
    """Every row whose question is a benchmark's: the same text but for case, spaces and how letters are composed.

    The question is the column `question` if there is one, else what the user says first, with or without the sentence
    that a recipe puts before it (`prompts.py`). It is the last look before a student is trained: what is similar was
    for decontamination to find. Columns in: row_id, and question or conversations; of `benchmarks` source,
    question_id, question.
    """
    known: dict[str, tuple[str, str]] = {}
    for source, question_id, question in (
        benchmarks.select("source", "question_id", "question").collect(engine="streaming").iter_rows()
    ):
        known.setdefault(normalised(question), (source, question_id))
    found: list[Overlap] = []
    for row_id, text in _questions(rows):
        for said in _spoken(text):
            if hit := known.get(normalised(said)):
                found.append(Overlap(*hit, row_id, " ".join(said.split())))
                break
    return found


def normalised(text: str) -> str:
    """The text by which two questions are the same."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _spoken(text: str) -> Iterator[str]:
    """What was asked, and that without the sentence in front."""
    yield text
    for sentence in (BOXED, STDIN, CALL):
        if text.startswith(sentence):
            yield text.removeprefix(sentence)


def _questions(rows: pl.LazyFrame) -> Iterator[tuple[str, str]]:
    schema = rows.collect_schema()
    asked = pl.col("question") if "question" in schema else _first_turn()
    for batch in rows.select("row_id", asked.alias("asked")).collect_batches(chunk_size=_READ_ROWS, lazy=True):
        yield from batch.drop_nulls().iter_rows()


def _first_turn() -> pl.Expr:
    turn = pl.element()
    users = pl.col("conversations").list.filter(turn.struct.field("from").is_in(_USERS))
    return users.list.first().struct.field("value")
