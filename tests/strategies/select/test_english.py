from __future__ import annotations

import polars as pl
import pytest

from ot_assets.strategies import apply

from ..frames import both, evidence, questions, shared


@pytest.mark.parametrize(
    "text",
    [
        "The answer is 42.",
        "Let α + β = π, so ∑ aᵢ ≤ Ω(n).",
        "𝔽 is a field, ℝ and ℂ are too; 𝒪(n), ℵ₀, ﬁne",
        "naïve café, Erdős, Lübeck",
        "12 + 30 = 42",
        "→ ∀x ∃y: x² ≡ y (mod 7) 😀",
        "",
        None,
    ],
)
def test_english_with_symbols_stays(text):
    kept, _ = both("select.english", questions("q", answer=[text], reasoning=["Hm."]), at_most=0)
    assert len(kept) == 1


@pytest.mark.parametrize(
    "text", ["答案是 42", "Ответ: 42", "الجواب هو", "答えは", "정답은", "תשובה", "उत्तर", "Well, 但是 no"]
)
def test_another_script_goes(text):
    for answer, reasoning in ((text, "Hm."), ("Hm.", text), (text, None)):
        _, dropped = both("select.english", questions("q", answer=[answer], reasoning=[reasoning]))
        assert dropped["drop_reason"].to_list() == ["not_english"]


def test_the_share_is_of_letters():
    answers = questions("a", "b", answer=["x" * 97 + "的的的", "1 " * 500 + "x" * 97 + "的的的"])
    assert len(both("select.english", answers, at_most=0.03)[0]) == 2
    _, dropped = both("select.english", answers, at_most=0.029)
    assert evidence(dropped)[1] == {"share": 0.03, "at_most": 0.029, "letters": 100, "example": "的的的"}


def test_a_frame_without_reasoning():
    split = apply("select.english", pl.DataFrame({"answer": ["yes", "да"]}))
    assert split.kept.collect()["answer"].to_list() == ["yes"]
    assert split.dropped.collect()["answer"].to_list() == ["да"]


def test_real_traces():
    chinese = pl.read_parquet(shared("math_cmath_zh")).select(pl.col("question").alias("answer"))
    assert apply("select.english", chinese).kept.collect().is_empty()
    traces = pl.read_parquet(shared("traces_misguided_attention")).select(
        "reasoning", pl.col("response").alias("answer")
    )
    assert len(apply("select.english", traces).dropped.collect()) <= 2
