"""The user message: the question, with what some recipes put around it.

Bespoke-Stratos and OpenThoughts-114k ask mathematics for a boxed answer, and tell programs that read standard input
from functions that are called, each with a fixed sentence (bespokelabsai/curator, examples/
bespoke-stratos-data-generation; open-thoughts repository). The sentences here are our own, as short as the miniature
teacher needs them: behind longer ones it loses the question. What the teacher saw and what the row shows may differ:
Bespoke-Stratos asked the bare problem and put the sentence in when formatting.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

Prefix = Literal["boxed", "code"]

BOXED = r"Put the final answer in \boxed{}."
STDIN = "Write a Python program."
CALL = "Write a Python function."

_CALLED = ("call", "check", "asserts")


def user_message(schema: pl.Schema, prefix: Prefix | None) -> pl.Expr:
    """What the user says: the parts below with an empty line between them; null for a null question.

    None: the question as it is. `boxed`: the sentence, the question. `code`: the sentence for the kind of its tests
    (that for standard input where there are none, as published), the question, and `extra.starter_code` if any.

    Columns in: question; for `code` also tests and extra, where `schema` has them.
    """
    question = pl.col("question")
    if prefix is None:
        return question
    if prefix == "boxed":
        return pl.format("{}\n\n{}", pl.lit(BOXED), question)
    called = _member("tests", "$.kind", schema).is_in(_CALLED).fill_null(False)
    starter = _member("extra", "$.starter_code", schema)
    tail = pl.when(starter.str.strip_chars() != "").then(pl.format("\n\n{}", starter)).otherwise(pl.lit(""))
    sentence = pl.when(called).then(pl.lit(CALL)).otherwise(pl.lit(STDIN))
    return pl.format("{}\n\n{}{}", sentence, question, tail)


def _member(column: str, path: str, schema: pl.Schema) -> pl.Expr:
    return pl.col(column).str.json_path_match(path) if column in schema else pl.lit(None, pl.String)
