from __future__ import annotations

import polars as pl
import pytest

from ot_assets.strategies import apply


@pytest.mark.parametrize(
    ("reference", "answer", "verdict"),
    [
        ("C", r"\boxed{C}", "right"),
        ("C", r"\boxed{c}", "right"),
        ("C", r"\boxed{(C)}", "right"),
        ("C", r"\boxed{\text{C}}", "right"),
        ("C", r"\boxed{\textbf{(C)}\ 12}", "right"),
        ("C", r"\boxed{C) Paris}", "right"),
        ("C", r"\boxed{D}", "wrong"),
        ("C", r"\boxed{B} no, \boxed{C}", "right"),
        ("C", r"\boxed{Paris}", "unparsed"),
        ("C", r"\boxed{Cat}", "unparsed"),
        ("C", r"\boxed{}", "unparsed"),
        ("C", "The answer is (C).", "right"),
        ("C", "the correct answer is **C**", "right"),
        ("C", "Answer: C", "right"),
        ("C", "The answer is B. Wait, the answer is C.", "right"),
        ("C", "The answer is a cat", "unparsed"),
        ("I", "The answer is I think five", "unparsed"),
        ("C", "C", "unparsed"),
        ("C", None, "unparsed"),
        ("(C)", r"\boxed{C}", "right"),
        ("C.", r"\boxed{C}", "right"),
        ("2", r"\boxed{C}", "right"),
        ("0", r"\boxed{C}", "wrong"),
        ("10", r"\boxed{C}", "error"),
        ("Paris", r"\boxed{C}", "error"),
        (None, r"\boxed{C}", "unavailable"),
    ],
)
def test_letters(reference: str | None, answer: str | None, verdict: str) -> None:
    frame = pl.DataFrame({"reference": [reference], "answer": [answer]})
    row = apply("verify.multiple_choice", frame).kept.collect().row(0, named=True)
    assert row["verdict"] == verdict, row["verdict_reason"]


def test_an_index_may_count_from_one() -> None:
    frame = pl.DataFrame({"reference": ["1"], "answer": [r"\boxed{A}"]})
    assert apply("verify.multiple_choice", frame, index_base=1).kept.collect()["verdict"].item() == "right"


def test_none_says_why() -> None:
    frame = pl.DataFrame({"answer": ["x", None]})
    out = apply("verify.none", frame, reason="practice run").kept.collect()
    assert out["verdict"].to_list() == ["unavailable"] * 2
    assert out["verdict_reason"].unique().to_list() == ["not verified: practice run"]
